import BertCore
import BertRuntime
import CElements

/// What a conversion does to the bytes of tensors, by the chunk in which they come.
func payload() -> [MeasuredKernel] {
  let chunk = numbers(Limits.chunk / 4), other = numbers(Limits.chunk / 4)
  let bytes = UnsafeRawBufferPointer(start: chunk.start, count: Limits.chunk)
  let others = UnsafeRawBufferPointer(start: other.start, count: Limits.chunk)
  let one = SHA256(), two = SHA256()
  // The bytes belong to buffers, which have to stay as long as the kernel, whatever others are measured.
  func measured(_ name: String, chunks: Int = 1, _ call: @escaping () -> Void) -> MeasuredKernel {
    MeasuredKernel(name: name, unit: .bytes, work: Double(chunks * bytes.count)) {
      withExtendedLifetime((chunk, other), call)
    }
  }
  // What is computed must be used, or a compiler may leave it out.
  func use(_ crc: UInt32) { if crc == 1 { print("an unlikely checksum") } }
  let rounded = Buffer<Float>(count: chunk.count)
  func rounding(_ name: String, _ type: Int) -> MeasuredKernel {
    measured("rounding of f32 to \(name)") {
      _ = bertconv_round(Int32(BERTCONV_F32), chunk.start, Int32(type), rounded.start, chunk.count)
    }
  }
  return [
    measured("SHA-256 of one message") { one.update(bytes) },
    measured("SHA-256 of two messages", chunks: 2) { SHA256.update(one, bytes, two, others) },
    measured("CRC-32") { use(Checksum.crc32(bytes)) },
    measured("CRC-32C") { use(Checksum.crc32c(bytes)) },
    transposition(chunk, rows: 1024, columns: 4096),
    transposition(chunk, rows: 4096, columns: 1024),
    transposition(chunk, rows: 768, columns: 768),
    rounding("f16", BERTCONV_F16),
    rounding("bf16", BERTCONV_BF16),
  ]
}

/// A matrix put in its place chunk by chunk, as it comes from a file.
private func transposition(_ chunk: Buffer<Float>, rows: Int, columns: Int) -> MeasuredKernel {
  let height = chunk.count / columns, out = Buffer<Float>(count: rows * columns)
  let chunks = rows / height
  return MeasuredKernel(
    name: "transposition of [\(rows), \(columns)]", unit: .bytes, work: Double(chunks * height * columns * 4)
  ) {
    for index in 0..<chunks {
      bertconv_transpose(chunk.start, height, columns, 4, out.start + index * height, rows)
    }
  }
}
