import BertZoo
import TestSupport
import Testing

@testable import BertPlan

@Suite("Telling cheaply which layouts can hold a body")
struct LayoutSieveTests {
  /// The most that any layout of BERT can hold of a body with these names.
  private static func bound(_ names: [String]) throws -> Double {
    let sieve = LayoutSieve(names.enumerated().map { SourceName(index: $0.offset, name: $0.element) })
    let family = try #require(Zoo.families["bert"])
    return try #require(sieve.candidates([family], container: "safetensors").map(\.bound).max())
  }

  @Test func `a matrix that is there under the name of a tied one counts`() throws {
    let table = "bert.embeddings.word_embeddings.weight"
    let whole = CatalogueOfNames().tensors.map(\.name)
    let without = whole.filter { $0 != table }
    #expect(without.count == whole.count - 1)
    #expect(try Self.bound(whole) == 1)
    let bound = try Self.bound(without)
    #expect(0.5 < bound && bound < 1)
    #expect(try Self.bound(without + ["cls.predictions.decoder.weight"]) == 1)
  }

  @Test func `names of no layout are told as such`() throws {
    let sieve = LayoutSieve([SourceName(index: 0, name: "a"), SourceName(index: 1, name: "b")])
    let candidates = sieve.candidates(Zoo.all, container: "safetensors")
    #expect(!candidates.isEmpty && candidates.allSatisfy { $0.bound == 0 && !$0.knowsSome })
  }
}
