import BertCore
import BertZoo
import Testing

@testable import BertPlan

@Suite("Operations on shapes and numbered names")
struct OperationTests {
  @Test(
    "operations give the canonical shape",
    arguments: [
      ([7, 5], [.transpose], [5, 7]),
      ([12, 3, 4], [.mergeLast], [12, 12]),
      ([20, 3, 4], [.mergeLast, .transpose], [12, 20]),
      ([3, 4, 20], [.mergeFirst], [12, 20]),
      ([3, 4, 20], [.mergeFirst, .transpose], [20, 12]),
      ([3, 4], [.mergeLast], [12]),
      ([3, 4], [.mergeFirst], [12]),
      ([5, 2, 3], [.transpose], [5, 3, 2]),
      ([5, 2, 3], [.transposeGroups], [5, 3, 2]),
      ([7, 5], [.transposeGroups], [7, 5]),
      ([5, 2, 3], [.lastFirst], [3, 5, 2]),
      ([7, 5], [.lastFirst], [5, 7]),
      ([9], [.transpose, .mergeFirst, .mergeLast], [9]),
    ] as [([Int], [TensorOperation], [Int])])
  func shapes(_ stored: [Int], _ operations: [TensorOperation], _ canonical: [Int]) {
    #expect(Shape(stored).applying(operations) == Shape(canonical))
  }

  @Test("axes whose product does not fit stay apart")
  func overflow() {
    #expect(Shape([1 << 40, 1 << 40]).applying([.mergeLast]) == Shape([1 << 40, 1 << 40]))
  }

  @Test("undoing gives the stored matrix; what was merged stays merged")
  func undoing() {
    #expect(Shape([12, 20]).undoing([.mergeLast, .transpose]) == Shape([20, 12]))
    #expect(Shape([3, 5, 2]).undoing([.lastFirst]) == Shape([5, 2, 3]))
    #expect(Shape([5, 3, 2]).undoing([.transposeGroups]) == Shape([5, 2, 3]))
  }

  @Test("`{_i}` is nothing for layer 0 and a number above it for the others")
  func numbersFromTheSecondOn() {
    let patterns = NamePattern.all("layers/encoder{_i}/vars/0")
    func unit(_ name: String) -> Int? {
      patterns.lazy.compactMap { $0.match(NumberedName(name))?.first }.first
    }
    #expect(unit("layers/encoder/vars/0") == 0)
    #expect(unit("layers/encoder_1/vars/0") == 1)
    #expect(unit("layers/encoder_12/vars/0") == 12)
    #expect(unit("layers/encoder_0/vars/0") == nil)
    #expect(unit("layers/encoder_01/vars/0") == nil)
    #expect(unit("layers/encoder_1/vars/1") == nil)
    for index in [0, 1, 12] { #expect(unit("layers/encoder{_i}/vars/0".replacingIndex(index)) == index) }
  }

  @Test("`{i+4}` counts from 4 on")
  func shiftedNumbers() {
    let pattern = NamePattern.all("weights-{i+4}/kernel")[0]
    #expect(pattern.match(NumberedName("weights-4/kernel"))?.first == 0)
    #expect(pattern.match(NumberedName("weights-15/kernel"))?.first == 11)
    #expect(pattern.match(NumberedName("weights-3/kernel")) == nil)
    #expect("weights-{i+4}/kernel".replacingIndex(11) == "weights-15/kernel")
  }

  @Test("`{n}` is any number and no layer's")
  func anyNumber() {
    let pattern = NamePattern("weights-{n}/kernel")
    let match = pattern.match(NumberedName("weights-31/kernel"))
    #expect(match != nil && match?.isEmpty == true)
    #expect(pattern.match(NumberedName("weights-/kernel")) == nil)
  }

  @Test("what stands before a model's own names is cut off")
  func chosenRoots() {
    let names = Zoo.families["bert"]!.layouts.first { $0.id == "huggingface-tf-objects" }!.names
    #expect(names.rewrite("net/bert/pooler/dense/kernel") == "bert/pooler/dense/kernel")
    #expect(names.rewrite("my/model/mlm/predictions/bias") == "mlm/predictions/bias")
    #expect(names.rewrite("bert/pooler/dense/kernel") == "bert/pooler/dense/kernel")
    #expect(names.rewrite("net/berta/kernel") == "net/berta/kernel")
  }
}
