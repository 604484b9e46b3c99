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

  @Test(
    "a root that the user chose is cut off, also where it is called like the model's own parts",
    arguments: ["", "net/", "my/model/", "bert/", "classifier/"])
  func chosenRoots(_ root: String) {
    let layout = Zoo.families["bert"]!.layouts.first { $0.id == "huggingface-tf-objects" }!
    let stored = ["classifier/bias", "bert/encoder/layer/1/bert_output/dense/kernel", "bert/embeddings/weight"]
    let names = layout.names.rooted(in: ["step", "optimizer/_variables/0"] + stored.map { root + $0 })
    #expect(
      stored.map { names.rewrite(root + $0) } == [
        "classifier.bias", "bert.encoder.layer.1.output.dense.kernel", "bert.embeddings.word_embeddings.weight",
      ])
    #expect(names.rewrite("step") == "step")
  }

  @Test(
    "items of a list bear the number behind their class, the first one none",
    arguments: [
      ("a/tf_x/b", "a/0/b"), ("a/tf_x_1/b", "a/1/b"), ("tf_x_12", "12"), ("a/tf_x_0/b", "a/tf_x_0/b"),
      ("a/tf_x_01/b", "a/tf_x_01/b"), ("a/tf_x_/b", "a/tf_x_/b"), ("a/tf_xy/b", "a/tf_xy/b"),
      ("a/tf_x_y/b_1", "a/tf_x_y/b_1"), ("tf_x_1/tf_x/c", "1/0/c"),
    ])
  func items(_ name: String, _ numbered: String) {
    var names = NameRewriting()
    names.items = ["tf_x"]
    #expect(names.rewrite(name) == numbered)
  }

  @Test(
    "every occurrence of a replaced text is changed, once and in order; parts and an ending are cut off before",
    arguments: [
      ("model/a_b/a_b:0", "x/x"), ("model/a_/a_b:0", "a_/x"), ("model/a_a_bb", "a_xb"), ("model/", ""), ("a_b", "x"),
      ("model/é/a_b:0", "é/x"), ("model/a_b:1", "x:1"),
    ])
  func replacements(_ name: String, _ changed: String) {
    var names = NameRewriting()
    names.droppedParts = 1
    names.droppedSuffix = ":0"
    names.replacements = [NameRewriting.Replacement("a_b", with: "x")]
    #expect(names.rewrite(name) == changed)
  }

  @Test(
    "a chosen name ends where its text's last character comes again",
    arguments: [
      ("heads.mnli.dense.bias", "heads.dense.bias"), ("task/a.b/dense/bias", "task/dense/bias"),
      ("task/dense", "task/dense"), ("tasks/a/dense", "tasks/a/dense"),
    ])
  func chosenNames(_ name: String, _ cut: String) {
    var names = NameRewriting()
    names.chosenNamesAfter = ["heads.", "task/"]
    #expect(names.rewrite(name) == cut)
  }
}
