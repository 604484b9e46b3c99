import BertCore
import CProtobufC
import CTensorFlowMessages

/// Checks the encoded form of a message against its schema before protobuf-c sees it (R-TFB-07), so that a refusal
/// says what is wrong where: protobuf-c itself only says that something is.
enum WireForm {
  /// Fields that the schema does not know are skipped, whatever they hold. Recursion is bounded by the schemas: none of
  /// ours nests in itself.
  static func check(
    _ bytes: ArraySlice<UInt8>, against schema: UnsafePointer<ProtobufCMessageDescriptor>, _ what: String
  ) throws {
    var reader = WireReader(bytes, what)
    while let (number, value) = try reader.next() {
      guard let field = protobuf_c_message_descriptor_get_field(schema, UInt32(number)) else { continue }
      switch (field.pointee.type, value) {
      case (PROTOBUF_C_TYPE_MESSAGE, .bytes(let inner)):
        try check(
          inner, against: field.pointee.descriptor.assumingMemoryBound(to: ProtobufCMessageDescriptor.self), what)
      case (PROTOBUF_C_TYPE_BYTES, .bytes), (PROTOBUF_C_TYPE_FIXED32, .fixed32): break
      case (PROTOBUF_C_TYPE_INT32, .varint), (PROTOBUF_C_TYPE_INT64, .varint), (PROTOBUF_C_TYPE_BOOL, .varint): break
      case (PROTOBUF_C_TYPE_INT32, .bytes(let packed)) where field.pointee.label == PROTOBUF_C_LABEL_REPEATED:
        var numbers = ByteCursor(packed, what)
        while !numbers.isAtEnd { _ = try underRule("R-TFB-07") { try numbers.varint() } }
      default:
        throw Refusal(
          .damaged, "\(what): field \(number) is not encoded as its type demands", place: "byte \(reader.position)",
          rule: "R-TFB-07")
      }
    }
  }
}
