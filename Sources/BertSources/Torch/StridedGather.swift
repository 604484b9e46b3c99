import BertCore

/// Brings the elements of a strided view into row-major order, block by block.
///
/// A block is a run of the logical content: some steps along one axis and everything inside of them. Its elements are
/// fetched in the order in which they lie in the record, through a window that only moves forwards, and put where they
/// belong; so a transposed matrix costs one pass over the record for each block, not a read for each element.
struct StridedGather {
  /// A part of the logical content.
  struct Block: Hashable {
    /// In bytes of the logical content.
    var range: Range<Int>
    /// The block's first element, in bytes from the start of the record.
    var base: Int
    /// Steps along the axis that is divided.
    var rows: Int
  }

  /// Most bytes of a block.
  static let blockSize = 8 << 20
  /// Most bytes of a window.
  static let windowSize = 1 << 20

  private let view: StridedView
  private let blockSize: Int
  private let windowSize: Int
  /// The axis that is divided into blocks; axes inside of it are whole in each block.
  private let axis: Int
  /// Bytes of the logical content that one step along `axis` covers.
  private let rowBytes: Int
  private let rowsPerBlock: Int

  /// The limits are parameters so that tests can make small tensors cross them.
  init(_ view: StridedView, blockSize: Int = StridedGather.blockSize, windowSize: Int = StridedGather.windowSize) {
    precondition(view.byteCount > 0)
    self.view = view
    self.blockSize = blockSize
    self.windowSize = windowSize
    var axis = view.shape.count
    var inside = view.elementSize
    while axis > 0, inside * view.shape[axis - 1] <= blockSize {
      axis -= 1
      inside *= view.shape[axis]
    }
    // Everything fits one block: one step of the whole, along no axis.
    self.axis = axis - 1
    rowBytes = inside
    rowsPerBlock = axis == 0 ? 1 : max(1, blockSize / inside)
  }

  /// The block that holds the byte `offset` of the logical content.
  func block(at offset: Int) -> Block {
    guard axis >= 0 else { return Block(range: 0..<view.byteCount, base: view.offset, rows: 1) }
    let extent = view.shape[axis]
    let (group, inGroup) = offset.quotientAndRemainder(dividingBy: extent * rowBytes)
    let first = inGroup / rowBytes / rowsPerBlock * rowsPerBlock
    let rows = min(rowsPerBlock, extent - first)
    var base = view.offset + first * view.strides[axis]
    var rest = group
    for outer in (0..<axis).reversed() {
      base += rest % view.shape[outer] * view.strides[outer]
      rest /= view.shape[outer]
    }
    let start = (group * extent + first) * rowBytes
    return Block(range: start..<start + rows * rowBytes, base: base, rows: rows)
  }

  /// One axis of a block: extent, bytes between neighbours in the record and in the block.
  private struct Axis {
    var extent: Int
    var source: Int
    var target: Int
  }

  /// Fills `target` with a block.
  ///
  /// - Parameter read: fills a buffer with the bytes of the record that begin at an offset.
  func fill(
    _ target: UnsafeMutableRawBufferPointer, _ block: Block,
    read: (_ offset: Int, _ buffer: UnsafeMutableRawBufferPointer) throws -> Void
  ) throws {
    precondition(target.count == block.range.count)
    var axes: [Axis] = []
    var step = view.elementSize
    for index in ((axis + 1)..<view.shape.count).reversed() {
      axes.append(Axis(extent: view.shape[index], source: view.strides[index], target: step))
      step *= view.shape[index]
    }
    if axis >= 0 { axes.append(Axis(extent: block.rows, source: view.strides[axis], target: step)) }
    axes = axes.filter { $0.extent > 1 }.sorted { $0.source > $1.source }
    let size = view.elementSize
    let span = axes.reduce(size) { $0 + ($1.extent - 1) * $1.source }
    var window = Window(start: block.base, end: block.base + span, size: min(span, windowSize))
    defer { window.deallocate() }
    if span > windowSize { try checkAscending(axes) }

    let inner = axes.popLast() ?? Axis(extent: 1, source: 0, target: 0)
    var position = [Int](repeating: 0, count: axes.count)
    var source = block.base
    var destination = target.baseAddress!
    while true {
      try copy(inner, from: source, to: destination, &window, read)
      var level = axes.count - 1
      while level >= 0 {
        position[level] += 1
        source += axes[level].source
        destination += axes[level].target
        if position[level] < axes[level].extent { break }
        source -= axes[level].extent * axes[level].source
        destination -= axes[level].extent * axes[level].target
        position[level] = 0
        level -= 1
      }
      if level < 0 { return }
    }
  }

  /// Going along the axes in order of their strides goes forwards only if no axis reaches beyond the next step of a
  /// longer one. Axes that do (windows sliding over a signal) never hold weights; jumping to and fro in a large record
  /// for them could take for ever.
  private func checkAscending(_ axes: [Axis]) throws {
    var reach = 0
    for axis in axes.reversed() where axis.source > 0 {
      guard axis.source > reach else {
        throw Refusal(
          .unsupported, "is a view that reads elements of its storage over and over in no plain order", rule: "R-TOR-03"
        )
      }
      reach += (axis.extent - 1) * axis.source
    }
  }

  /// Copies a run of elements along one axis.
  private func copy(
    _ run: Axis, from source: Int, to target: UnsafeMutableRawPointer, _ window: inout Window,
    _ read: (Int, UnsafeMutableRawBufferPointer) throws -> Void
  ) throws {
    let size = view.elementSize
    var done = 0
    while done < run.extent {
      let position = source + done * run.source
      let bytes = try window.bytes(at: position, size, read)
      let fitting = run.source == 0 ? run.extent - done : min(run.extent - done, (bytes.count - size) / run.source + 1)
      let destination = target + done * run.target
      switch size {
      case 1: StridedGather.copy(UInt8.self, fitting, bytes.baseAddress!, run, destination)
      case 2: StridedGather.copy(UInt16.self, fitting, bytes.baseAddress!, run, destination)
      case 4: StridedGather.copy(UInt32.self, fitting, bytes.baseAddress!, run, destination)
      default: StridedGather.copy(UInt64.self, fitting, bytes.baseAddress!, run, destination)
      }
      done += fitting
    }
  }

  private static func copy<Element: FixedWidthInteger & BitwiseCopyable>(
    _ type: Element.Type, _ count: Int, _ source: UnsafeRawPointer, _ run: Axis, _ target: UnsafeMutableRawPointer
  ) {
    var (from, to) = (source, target)
    for _ in 0..<count {
      to.storeBytes(of: from.loadUnaligned(as: Element.self), as: Element.self)
      from += run.source
      to += run.target
    }
  }

  /// The part of the record that is in memory.
  private struct Window {
    private let buffer: UnsafeMutableRawBufferPointer
    private var start: Int
    private var filled = 0
    /// Nothing beyond is ever needed.
    private let end: Int

    init(start: Int, end: Int, size: Int) {
      (self.start, self.end) = (start, end)
      buffer = .allocate(byteCount: size, alignment: 64)
    }

    func deallocate() { buffer.deallocate() }

    /// The bytes in memory from `position` on, at least `count` of them.
    mutating func bytes(
      at position: Int, _ count: Int, _ read: (Int, UnsafeMutableRawBufferPointer) throws -> Void
    ) throws -> UnsafeRawBufferPointer {
      if position < start || position + count > start + filled {
        start = position
        filled = 0
        let size = min(buffer.count, end - position)
        try read(position, UnsafeMutableRawBufferPointer(rebasing: buffer[..<size]))
        filled = size
      }
      return UnsafeRawBufferPointer(rebasing: buffer[(position - start)..<filled])
    }
  }
}
