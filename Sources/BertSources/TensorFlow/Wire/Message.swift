import BertCore
import CProtobufC
import CTensorFlowMessages
@preconcurrency import Glibc

/// Decodes the messages of Schemas/*.proto by protobuf-c, with bounded memory.
enum Message {
  /// Bytes that decoding may allocate for each byte of the message. An empty submessage takes two bytes encoded and
  /// about 160 decoded, working memory included.
  static let allocationRatio = 256
  /// Bytes that decoding may allocate in any case.
  static let allocationLimit = 64 << 20

  /// Decodes `bytes` and lends the message, whose memory ends with the call.
  ///
  /// - Parameter what: what the message is, for refusals.
  static func decode<Raw, Result>(
    _ bytes: ArraySlice<UInt8>, _ schema: UnsafePointer<ProtobufCMessageDescriptor>, as type: Raw.Type,
    _ what: String, _ body: (Raw) throws -> Result
  ) throws -> Result {
    try WireForm.check(bytes, against: schema, what)
    precondition(schema.pointee.sizeof_message == MemoryLayout<Raw>.size)
    let (justified, overflow) = bytes.count.multipliedReportingOverflow(by: allocationRatio)
    var budget = overflow ? allocationLimit : min(allocationLimit, 4_096 + justified)
    return try withUnsafeMutablePointer(to: &budget) { budget in
      var allocator = ProtobufCAllocator(
        alloc: { budget, size in
          let left = budget!.assumingMemoryBound(to: Int.self)
          guard size <= left.pointee else { return nil }
          left.pointee -= size
          return malloc(max(size, 1))
        },
        free: { _, pointer in free(pointer) }, allocator_data: budget)
      return try withUnsafeMutablePointer(to: &allocator) { allocator in
        let message = bytes.withUnsafeBufferPointer {
          protobuf_c_message_unpack(schema, allocator, $0.count, $0.baseAddress)
        }
        guard let message else {
          throw Refusal(.damaged, "\(what) cannot be decoded, or takes too much memory", rule: "R-TFB-07")
        }
        defer { protobuf_c_message_free_unpacked(message, allocator) }
        return try message.withMemoryRebound(to: type, capacity: 1) { try body($0.pointee) }
      }
    }
  }
}

extension ProtobufCBinaryData {
  var array: [UInt8] { Array(UnsafeBufferPointer(start: data, count: len)) }
}

/// The elements of a repeated field of messages.
func elements<Element>(
  _ pointers: UnsafeMutablePointer<UnsafeMutablePointer<Element>?>?, _ count: Int
) -> [Element] {
  UnsafeBufferPointer(start: pointers, count: count).map { $0!.pointee }
}
