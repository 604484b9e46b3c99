import BertCore
import BertPlan
import BertSources

/// Looks into tensors that a plan leaves out on a condition, and refuses when it does not hold.
struct DropCheck {
  let source: any WeightSource
  let plan: ConversionPlan

  func run(_ drop: ConversionPlan.Drop) throws {
    let info = source.catalogue.tensors[drop.source].info
    switch drop.check {
    case nil: return
    case .zeros:
      try source.stream(drop.source) { chunk in
        guard chunk.allSatisfy({ $0 == 0 }) else { throw refusal(drop, info, "it does not hold only zeros") }
      }
    case .counting: try checkCounting(drop, info)
    case .equal(let canonical, let operations):
      let original = plan.moves.first { $0.canonical == canonical }!
      guard operations == original.operations else {
        throw refusal(drop, info, "it is stored in another orientation")
      }
      try checkEqual(drop, info, original)
    }
  }

  private func refusal(_ drop: ConversionPlan.Drop, _ info: TensorInfo, _ why: String) -> Refusal {
    Refusal(
      .contradictory, "\(info.name.quoted) would be left out as \(drop.why), but \(why)", place: info.name.printable,
      rule: "R-ALL-10", hint: drop.hint ?? "leave it out by hand with --drop \(info.name.printable.shellQuoted)")
  }

  /// 0, 1, 2 … along the last axis, whatever type the buffer has.
  private func checkCounting(_ drop: ConversionPlan.Drop, _ info: TensorInfo) throws {
    guard let last = info.shape.dims.last, last > 0, info.dtype.isFloating || info.dtype.isInteger else { return }
    var position = 0
    try source.stream(drop.source) { chunk in
      try Numbers.forEach(in: chunk, info.dtype) { value in
        guard value == Double(position % last) else { throw refusal(drop, info, "it does not count 0, 1, 2 …") }
        position += 1
      }
    }
  }

  /// Reads copy and original side by side; on a difference goes on to say how large it is.
  private func checkEqual(_ drop: ConversionPlan.Drop, _ info: TensorInfo, _ move: ConversionPlan.Move) throws {
    let original = source.catalogue.tensors[move.source].info
    guard let copySize = info.dtype.size, let originalSize = original.dtype.size else { return }
    var position = 0
    var largest = 0.0
    var differs = false
    var mirror: [UInt8] = []
    try source.stream(drop.source) { chunk in
      let count = chunk.count / copySize
      mirror = [UInt8](repeating: 0, count: count * originalSize)
      try mirror.withUnsafeMutableBytes { try source.read(move.source, at: position * originalSize, into: $0) }
      position += count
      try mirror.withUnsafeBytes { bytes in
        if info.dtype == original.dtype, bytes.elementsEqual(chunk) { return }
        var values: [Double] = []
        values.reserveCapacity(count)
        try Numbers.forEach(in: bytes, original.dtype) { values.append($0) }
        var index = 0
        try Numbers.forEach(in: chunk, info.dtype) { value in
          if value != values[index], !(value.isNaN && values[index].isNaN) {
            differs = true
            largest = max(largest, abs(value - values[index]))
          }
          index += 1
        }
      }
    }
    if differs {
      throw refusal(drop, info, "it differs from \(original.name.quoted) by up to \(JSON(largest).compact)")
    }
  }
}

/// Elements of any number type as doubles.
enum Numbers {
  static func forEach(in bytes: UnsafeRawBufferPointer, _ dtype: DType, _ body: (Double) throws -> Void) throws {
    func run<Element: BitwiseCopyable>(_ type: Element.Type, _ widen: (Element) -> Double) throws {
      let size = MemoryLayout<Element>.size
      for start in stride(from: 0, to: bytes.count - bytes.count % size, by: size) {
        try body(widen(bytes.loadUnaligned(fromByteOffset: start, as: type)))
      }
    }
    switch dtype {
    case .f64: try run(Double.self) { $0 }
    case .f32: try run(Float.self) { Double($0) }
    case .f16: try run(Float16.self) { Double($0) }
    case .bf16: try run(UInt16.self) { Double(Float(bitPattern: UInt32($0) << 16)) }
    case .i64: try run(Int64.self) { Double($0) }
    case .i32: try run(Int32.self) { Double($0) }
    case .i16: try run(Int16.self) { Double($0) }
    case .i8: try run(Int8.self) { Double($0) }
    case .u64: try run(UInt64.self) { Double($0) }
    case .u32: try run(UInt32.self) { Double($0) }
    case .u16: try run(UInt16.self) { Double($0) }
    case .u8, .bool: try run(UInt8.self) { Double($0) }
    default: throw Refusal(.unsupported, "elements of type \(dtype.rawValue) are no plain numbers")
    }
  }
}
