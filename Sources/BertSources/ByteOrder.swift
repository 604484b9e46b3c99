/// Elements that are stored with their highest byte first.
enum ByteOrder {
  /// Turns the bytes of every element round.
  static func turn(_ elements: UnsafeMutableRawBufferPointer, elementSize: Int) {
    switch elementSize {
    case 2: swap(UInt16.self, elements)
    case 4: swap(UInt32.self, elements)
    case 8: swap(UInt64.self, elements)
    default: break
    }
  }

  /// Lends whole elements, turned round in a copy where they have more than one byte.
  static func lendTurned(
    _ elements: UnsafeRawBufferPointer, elementSize: Int, _ body: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    guard elementSize > 1 else { return try body(elements) }
    let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: elements.count, alignment: 64)
    defer { copy.deallocate() }
    copy.copyMemory(from: elements)
    turn(copy, elementSize: elementSize)
    try body(UnsafeRawBufferPointer(copy))
  }

  private static func swap<Element: FixedWidthInteger & BitwiseCopyable>(
    _ type: Element.Type, _ elements: UnsafeMutableRawBufferPointer
  ) {
    for offset in stride(from: 0, to: elements.count, by: MemoryLayout<Element>.size) {
      let value = elements.loadUnaligned(fromByteOffset: offset, as: Element.self)
      elements.storeBytes(of: value.byteSwapped, toByteOffset: offset, as: Element.self)
    }
  }
}
