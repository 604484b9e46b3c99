import BertCore
import BertZoo
import TestSupport
import Testing

@Suite("The families inside the program")
struct FamilyDescriptorTests {
  @Test func `every file of Zoo/Variants is there and read`() throws {
    let files = try Path.names(in: Fixtures.root + "/Zoo/Variants").filter { $0.hasSuffix(".json") }
    #expect(Set(Zoo.all.map { $0.family + ".json" }) == Set(files) && Zoo.all.count == files.count)
    #expect(Zoo.family(modelType: "bert")?.family == "bert")
    #expect(Zoo.family(modelType: "bart") == nil)
  }

  @Test(arguments: Zoo.all.map(\.family)) func `parts, settings and layouts of a family fit together`(name: String)
    throws
  {
    let family = try #require(Zoo.families[name])
    let paths = family.parts.map(\.path)
    #expect(Set(paths).count == paths.count)
    let stacked = family.parts.compactMap(\.stacks).flatMap { stacks in
      stacks.stems.values.flatMap { [$0 + ".weight", $0 + ".bias"] }
    }
    let tensors = family.parts.flatMap { $0.tensors.map(\.name) } + stacked
    #expect(Set(tensors).count == tensors.count)
    let symbols = Set(family.settings.keys).union(family.derived.keys)
    for part in family.parts {
      #expect(part.needs.allSatisfy(paths.contains))
      #expect(part.references.allSatisfy { family.settings[$0.setting] != nil }, "\(part.path)")
      #expect(part.tensors.allSatisfy { $0.name.contains("{i}") == !part.repeatedBy.isEmpty })
      if let stacks = part.stacks {
        #expect(family.settings[stacks.setting]?.kind == .stacks && symbols.contains(stacks.input))
        #expect(stacks.stems.values.allSatisfy { $0.hasPrefix(part.path + ".{s}.") && $0.hasSuffix(".{i}") })
        #expect(Set(stacks.outputs.keys).isSubset(of: stacks.stems.keys))
      }
      #expect(part.tiedTo.keys.allSatisfy(part.tensors.map(\.name).contains))
      #expect(part.tiedTo.values.allSatisfy(tensors.contains))
      if case .whenSetting(let setting, let values, let within) = part.presence {
        #expect(family.settings[setting]?.kind == .word && !values.isEmpty)
        #expect(within.map(paths.contains) ?? true)
      }
      for dimension in part.tensors.flatMap(\.shape) {
        if case .optional(let symbol) = dimension { #expect(family.settings[symbol]?.unwritten != nil, "\(symbol)") }
        guard case .symbol(let symbol) = dimension else { continue }
        // The rows of a classifier are told by its tensors alone.
        #expect(symbols.contains(symbol) || symbol.hasSuffix("Labels"), "\(symbol)")
      }
    }
    for layout in family.layouts {
      #expect(family.dialects.contains { $0.id == layout.dialect })
      let filled = Set(layout.tensors.map(\.canonical))
      #expect(filled.isSubset(of: tensors), "\(filled.subtracting(tensors))")
      #expect(Set(layout.tensors.map { $0.pattern + " " + $0.canonical }).count == layout.tensors.count)
      let body = family.parts.filter { if case .always = $0.presence { true } else { false } }.flatMap {
        $0.tensors.map(\.name)
      }
      #expect(Set(body).isSubset(of: filled), "\(layout.id): \(Set(body).subtracting(filled))")
    }
    for dialect in family.dialects {
      #expect(dialect.keys.keys.allSatisfy { family.settings[$0] != nil })
      #expect(dialect.keys.values.allSatisfy { $0.key != nil || $0.fixed != nil })
    }
    #expect(family.dialects.contains { $0.id == "huggingface" })
    for head in family.architectures.values { #expect(paths.contains("heads." + head)) }
    for choice in family.headChoices { #expect(choice.among.allSatisfy { paths.contains("heads." + $0) }) }
  }

  @Test(arguments: Zoo.all.map(\.family)) func `the words of a dialect mean what the program knows`(name: String) throws
  {
    let family = try #require(Zoo.families[name])
    for dialect in family.dialects {
      for (setting, key) in dialect.keys where family.settings[setting]?.kind == .word && setting.hasSuffix("ctivation")
      {
        #expect(key.words.values.allSatisfy { Activation(rawValue: $0) != nil }, "\(dialect.id).\(setting)")
        #expect(key.remarks.keys.allSatisfy { key.words[$0] != nil })
      }
    }
  }

  @Test(arguments: ["settings", "parts", "layouts", "family", "proof"])
  func `a family file that lacks a member is refused`(key: String) throws {
    let text = try InputFile(Fixtures.root + "/Zoo/Variants/bert.json").contents(limit: Limits.configuration)
    var object = try #require(JSONParser.parse(text, "bert.json").object)
    _ = try FamilyDescriptor(json: .object(object))
    object[key] = nil
    #expect(refused { try FamilyDescriptor(json: .object(object)) } != nil)
  }

  @Test func `an unknown member of a family file is refused`() throws {
    let text = try InputFile(Fixtures.root + "/Zoo/Variants/bert.json").contents(limit: Limits.configuration)
    var object = try #require(JSONParser.parse(text, "bert.json").object)
    object["extra"] = 1
    #expect(refused { try FamilyDescriptor(json: .object(object)) }?.message.contains("'extra'") == true)
  }

  @Test(arguments: [
    ("deberta.encoder.layer.0.x", "DeBERTa"), ("mpnet.encoder.x", "MPNet"), ("transformer.layer.0.rel_attn.r", "XLNet"),
    ("h.0.attn.c_attn.weight", "GPT-2"), ("roformer.x", "RoFormer"), ("mobilebert.x", "MobileBERT"),
    ("block.0.layer.0.SelfAttention.q.weight", "T5"),
  ])
  func `a family that is not converted is known by a tensor's name`(name: String, title: String) {
    #expect(ForeignFamily.recognised(in: ["x", name])?.title == title)
  }

  @Test(arguments: [
    ("deberta-v2", "DeBERTa"), ("mpnet", "MPNet"), ("big_bird", "BigBird"), ("xlnet", "XLNet"),
    ("modernbert", "ModernBERT"),
  ])
  func `a family that is not converted is known by its model_type`(type: String, title: String) {
    #expect(ForeignFamily.named(modelType: type)?.title == title)
    #expect(Zoo.family(modelType: type) == nil)
  }

  @Test func `BERT's own names are no mark of another family`() {
    let model = TinyModel()
    let names = (model.body + model.pooler + model.maskedLanguage).map { $0.name }
    #expect(ForeignFamily.recognised(in: names) == nil)
    #expect(ForeignFamily.recognised(in: []) == nil)
  }
}
