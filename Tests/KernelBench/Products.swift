import BertRuntime
import BertZoo
import CKernels

/// Products of matrices as they occur in BERT-base: rows of a dense layer, with the left matrix packed as the layer packs
/// it, and one head's scores and contexts, whose left matrices are not packed.
func products(_ variant: KernelVariant) -> [MeasuredKernel] {
  let kernels = Kernels<Float>(variant)
  let layers = [
    (16, 768, 768), (16, 768, 3072), (16, 3072, 768), (144, 768, 768), (144, 768, 3072), (144, 3072, 768),
    (1024, 768, 3072), (1024, 3072, 768),
  ].map { product(kernels, "\(variant.rawValue) product", rows: $0.0, depth: $0.1, columns: $0.2) }
  let attention = [
    product(kernels, "\(variant.rawValue) scores of a head", rows: 48, depth: 64, stride: 2304, columns: 512),
    product(kernels, "\(variant.rawValue) contexts of a head", rows: 48, depth: 512, stride: 512, columns: 64),
  ]
  return [registers(variant)] + layers + attention + [packing(kernels, variant)]
}

/// What no product can exceed.
private func registers(_ variant: KernelVariant) -> MeasuredKernel {
  let rounds = 100_000
  var number: Float = 0
  let work = bertconv_measure_products(variant.rawValue, rounds, &number)
  return MeasuredKernel(name: "\(variant.rawValue) multiply-adds in registers", unit: .operations, work: work) {
    var number: Float = 0
    _ = bertconv_measure_products(variant.rawValue, rounds, &number)
  }
}

/// - Parameter stride: of the left matrix's rows; nil has it packed.
private func product(
  _ kernels: Kernels<Float>, _ name: String, rows: Int, depth: Int, stride: Int? = nil, columns: Int
) -> MeasuredKernel {
  let right = numbers(columns * depth), bias = numbers(columns), out = Buffer<Float>(count: rows * columns)
  let panels = Buffer<Float>(count: kernels.panelCount(columns: columns, depth: depth))
  kernels.packRows(right.start, stride: depth, rows: columns, columns: depth, into: panels.start)
  var left = numbers(rows * (stride ?? depth))
  if stride == nil {
    let tiles = Buffer<Float>(count: left.count)
    kernels.packLeft(left.start, stride: depth, rows: rows, depth: depth, into: tiles.start)
    left = tiles
  }
  return MeasuredKernel(
    name: "\(name) [\(rows), \(depth)] × [\(depth), \(columns)]", unit: .operations,
    work: 2 * Double(rows * depth) * Double(columns)
  ) { [left] in
    kernels.multiply(
      left.start, stride: stride, rows: rows, depth: depth, panels: panels.start, into: out.start, outStride: columns,
      columns: columns, bias: stride == nil ? UnsafePointer(bias.start) : nil, begin: 0)
  }
}

private func packing(_ kernels: Kernels<Float>, _ variant: KernelVariant) -> MeasuredKernel {
  let left = numbers(48 * 3072), tiles = Buffer<Float>(count: 48 * 3072)
  return MeasuredKernel(
    name: "\(variant.rawValue) packing of a left matrix [48, 3072]", unit: .bytes, work: Double(left.count * 4)
  ) {
    kernels.packLeft(left.start, stride: 3072, rows: 48, depth: 3072, into: tiles.start)
  }
}

/// Numbers of the size of activations, the same in every run.
func numbers(_ count: Int) -> Buffer<Float> {
  let buffer = Buffer<Float>(count: count)
  for index in 0..<count { buffer.start[index] = Float(index % 97) / 48 - 1 }
  return buffer
}
