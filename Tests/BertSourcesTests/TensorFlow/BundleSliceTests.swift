import BertCore
import TestSupport
import Testing

@testable import BertSources

@Suite("Partitioned variables")
struct BundleSliceTests {
  /// [4, 2] in two halves of two rows.
  static var halves: BundleWriter {
    var writer = BundleWriter()
    writer.add("w", [4, 2], slices: [[0..<2, 0..<2], [2..<4, 0..<2]], [[1, 2, 3, 4], [5, 6, 7, 8]])
    return writer
  }
  static let first = BundleWriter.key("w", [0..<2, 0..<2])

  static let changes: [Change<BundleWriter>] = [
    Change("nothing", nil) { _ in },
    Change("one slice not listed", "R-TFB-05") { $0.entries[[119]]!.slices.removeLast() },
    Change("one slice not there", "R-TFB-05") { $0.entries[first] = nil },
    Change("one slice twice", "R-TFB-05") { $0.entries[[119]]!.slices[1] = [0..<2, 0..<2] },
    Change("a slice outside", "R-TFB-05") { $0.entries[[119]]!.dims = [3, 2] },
    Change("a slice of another rank", "R-TFB-05") { $0.entries[[119]]!.slices[0] = [0..<2] },
    Change("not all of the tensor", "R-TFB-05") { $0.entries[[119]]!.dims = [5, 2] },
    Change("another type in a slice", "R-TFB-05") { $0.entries[first]!.dtype = 3 },
    Change("another shape in a slice", "R-TFB-05") { $0.entries[first]!.dims = [4, 1] },
    Change("a smaller slice", "R-TFB-05") {
      $0.entries[first]!.dims = [1, 2]
      $0.entries[first]!.size = 8
    },
    Change("a slice of slices", "R-TFB-05") {
      $0.entries[first]!.slices = [[0..<2, 0..<2]]
      $0.entries[first]!.size = 0
    },
    Change("data of its own", "R-TFB-05") { $0.entries[[119]]!.size = 4 },
    Change("slices of text", "R-TFB-05") { $0.entries[[119]]!.dtype = 7 },
    Change("a slice of no tensor", "R-TFB-05") {
      $0.add("v", [1], slices: [[0..<1]], [[1]])
      $0.entries[[118]] = nil
    },
    Change("a negative start", "R-TFB-05") { $0.addExtent(Field.number(1, -1)) },
    Change("the whole axis from 1", "R-TFB-05") { $0.addExtent(Field.number(1, 1)) },
    Change("a negative length", "R-TFB-05") { $0.addExtent(Field.number(2, -1)) },
  ]

  @Test("R-TFB-05: slices cover the tensor once, and each is what the tensor says", arguments: changes)
  func broken(change: Change<BundleWriter>) throws {
    var writer = BundleSliceTests.halves
    change.apply(&writer)
    #expect(try writer.rule() == change.rule)
  }

  @Test("R-TFB-05: overlaps and gaps that even out are noticed")
  func evenedOut() throws {
    func rule(_ boxes: [([Int], [Int])], _ shape: Shape) throws -> String? {
      try refusal { try SliceTiling.check(boxes.map { SliceBox(starts: $0, lengths: $1) }, of: shape) }?.rule
    }
    // Five boxes in the manner of a pinwheel tile [3, 3]; no straight cut divides them.
    let pinwheel = [([0, 0], [1, 2]), ([0, 2], [2, 1]), ([2, 1], [1, 2]), ([1, 0], [2, 1]), ([1, 1], [1, 1])]
    #expect(try rule(pinwheel, [3, 3]) == nil)
    var shifted = pinwheel
    shifted[4] = ([1, 2], [1, 1])
    #expect(try rule(shifted, [3, 3]) == "R-TFB-05")
    #expect(try rule([([0], [2]), ([1], [2]), ([3], [1])], [5]) == "R-TFB-05")
    #expect(try rule([([0], [2]), ([0], [2]), ([0], [2])], [6]) == "R-TFB-05")
    #expect(try rule([([0], [0]), ([0], [3]), ([3], [0])], [3]) == nil)
    #expect(try rule([], [0, 4]) == nil)
    #expect(try rule([], [1]) == "R-TFB-05")
    #expect(try rule([([], [])], []) == nil)
  }

  @Test("R-ALL-09: tensors are divided along eight axes at most", arguments: [(8, nil), (9, "R-ALL-09")])
  func axes(count: Int, rule: String?) throws {
    let dims = [Int](repeating: 2, count: count)
    let boxes = (0..<1 << count).map { number in
      SliceBox(starts: (0..<count).map { number >> $0 & 1 }, lengths: dims.map { _ in 1 })
    }
    #expect(try refusal { try SliceTiling.check(boxes, of: Shape(dims)) }?.rule == rule)
  }

  @Test(
    "the keys of slices are TensorFlow's",
    arguments: [
      (0, [0x80]), (-1, [0x7f]), (8, [0x88]), (63, [0xbf]), (64, [0xc0, 0x40]), (100, [0xc0, 0x64]),
      (200, [0xc0, 0xc8]),
      (-64, [0x40]), (-65, [0x3f, 0xbf]), (8_191, [0xdf, 0xff]), (8_192, [0xe0, 0x20, 0x00]),
      (30_522, [0xe0, 0x77, 0x3a]),
      (1 << 20, [0xf0, 0x10, 0, 0]), (1 << 33, [0xfa, 0, 0, 0, 0]),
      (Int.max, [0xff, 0xc0, 0x7f, 255, 255, 255, 255, 255, 255, 255]),
    ] as [(Int, [UInt8])])
  func signed(value: Int, code: [UInt8]) {
    #expect(OrderedCode.signed(value) == code)
  }

  @Test func `keys escape zeros and ones in names`() {
    #expect(OrderedCode.text([0x61, 0, 0x62, 255]) == [0x61, 0, 255, 0x62, 255, 0, 0, 1])
    #expect(OrderedCode.number(0) == [0])
    #expect(OrderedCode.number(2) == [1, 2])
    #expect(OrderedCode.number(300) == [2, 1, 44])
  }

  @Test func `codes order as the numbers they stand for`() {
    var values = (-70...70).map { $0 } + [Int.min, Int.min + 1, Int.max - 1, Int.max]
    for bit in 6..<63 { for delta in -2...2 { values += [1 << bit + delta, -(1 << bit) + delta] } }
    values = Array(Set(values)).sorted()
    let codes = values.map(OrderedCode.signed)
    for (before, next) in zip(codes, codes.dropFirst()) { #expect(before.lexicographicallyPrecedes(next)) }
  }
}

extension BundleWriter {
  /// Lists one more slice of `w`, with one extent.
  fileprivate mutating func addExtent(_ extent: [UInt8]) {
    entries[[119]]!.more = Field.bytes(7, Field.bytes(1, extent))
  }
}
