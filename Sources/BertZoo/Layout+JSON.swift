import BertCore

extension Layout {
  /// Reads all layouts of a family. A row `[stem, role, leaf]` stands for one row per line of that leaf's table in
  /// `leaves`, each line giving the two endings and the operations, and as `{"axis": 1, "tells": "attentionHeads"}` what
  /// an extent of the stored tensor tells, or as `{"spare": why}` that it is only used where no other tensor is there.
  /// A layout that has `sameTensorsAs` takes over the stems and roles of an earlier one, with leaves of its own, and may
  /// add others; one that is `like` a layout of Zoo/Layouts has that one's members, and its own beside them.
  static func all(_ values: [JSON]) throws -> [Layout] {
    var stems: [String: [JSON]] = [:]
    return try values.map { value in
      var fields = try JSONFields(completed(value), "layout")
      let id = try fields.string("id")
      var rows = fields.has("sameTensorsAs") ? stems[try fields.string("sameTensorsAs")] ?? [] : []
      if fields.has("tensors") { rows += try fields.array("tensors") }
      stems[id] = rows
      let leaves = try fields.object("leaves")
      let layout = Layout(
        id: id,
        containers: Set(try fields.strings("containers")),
        dialect: try fields.string("dialect"),
        names: try NameRewriting(fields.optional("names")),
        prefixes: try fields.strings("prefixes"),
        tensors: try rows.flatMap { try Layout.spellOut($0, leaves) },
        drops: try fields.array("drops").map { try Drop(JSONFields($0, "layout.\(id).drops")) },
        refused: fields.has("refused")
          ? try fields.array("refused").map { try Drop(JSONFields($0, "layout.\(id).refused")) } : [],
        zeroCopies: Set(fields.has("zeroCopies") ? try fields.strings("zeroCopies") : []),
        part: fields.optional("part")?.string,
        rules: try (fields.optional("rules")?.object?.members ?? []).reduce(into: [:]) {
          $0[$1.key] = try Rule(JSONFields($1.value, "layout.\(id).rules.\($1.key)"))
        },
        blocksTell: fields.optional("blocksTell")?.string,
        marks: fields.has("marks") ? try fields.strings("marks") : [],
        tellsNoFamily: fields.optional("tellsNoFamily")?.bool == true,
        given: (fields.optional("given")?.object?.members ?? []).reduce(into: [:]) { $0[$1.key] = $1.value })
      try fields.finish()
      return layout
    }
  }

  /// A layout with the members of the one that it is like. Its own rows, drops and changes of names come before that
  /// one's; rows that it takes over from an earlier layout come instead of them.
  private static func completed(_ value: JSON) throws -> JSON {
    guard let name = value["like"]?.string, let own = value.object else { return value }
    guard var object: JSONObject = Zoo.layouts[name]?.object else {
      throw Refusal(.damaged, "there is no layout \(name.quoted) in Zoo/Layouts")
    }
    if own["sameTensorsAs"] != nil { object["tensors"] = nil }
    for (key, member) in own.members where key != "like" {
      switch key {
      case "tensors", "drops":
        object[key] = .array((member.array ?? []) + (object[key]?.array ?? []))
      case "leaves":
        for (leaf, lines) in member.object?.members ?? [] {
          object[key] = object[key]?.setting(lines, at: [Substring(leaf)])
        }
      case "names":
        for (change, detail) in member.object?.members ?? [] {
          let shared = object[key]?[change]?.array ?? []
          let merged = detail.array.map { JSON.array($0 + shared) } ?? detail
          object[key] = (object[key] ?? .object(JSONObject())).setting(merged, at: [Substring(change)])
        }
      default: object[key] = member
      }
    }
    return .object(object)
  }

  private static func spellOut(_ row: JSON, _ leaves: JSONObject) throws -> [Row] {
    let parts = row.array?.compactMap(\.string) ?? []
    switch parts.count {
    case 2: return [Row(pattern: parts[0], canonical: parts[1], operations: [])]
    case 3:
      guard let lines = leaves[parts[2]]?.array else {
        throw Refusal(.damaged, "the layout has no leaves called \(parts[2])")
      }
      return try lines.map { line in
        let words = line.array?.compactMap(\.string) ?? []
        guard words.count >= 2 else { throw Refusal(.damaged, "a leaf of \(parts[2]) lacks its two endings") }
        let operations = try words.dropFirst(2).map { word in
          guard let operation = TensorOperation(rawValue: word) else {
            throw Refusal(.damaged, "\(word) is not an operation")
          }
          return operation
        }
        var row = Row(pattern: parts[0] + words[0], canonical: parts[1] + words[1], operations: operations)
        for value in line.array ?? [] where value.object != nil {
          var fields = try JSONFields(value, "leaf")
          if fields.has("spare") {
            row.spare = try fields.string("spare")
          } else {
            row.tells.append((axis: try fields.integer("axis"), setting: try fields.string("tells")))
          }
          try fields.finish()
        }
        return row
      }
    default: throw Refusal(.damaged, "a row of a layout is not [pattern, name] or [stem, role, leaf]")
    }
  }
}

extension NameRewriting {
  fileprivate init(_ value: JSON?) throws {
    self.init()
    guard let value else { return }
    var fields = try JSONFields(value, "layout.names")
    droppedParts = fields.optional("dropParts")?.integer ?? 0
    droppedSuffix = fields.optional("dropSuffix")?.string ?? ""
    replacements = (fields.optional("replace")?.array ?? []).compactMap {
      guard let pair = $0.array, pair.count == 2, let old = pair[0].string, let new = pair[1].string else { return nil }
      return Replacement(old, with: new)
    }
    rootMark = fields.optional("rootBefore")?.string
    items = fields.has("items") ? try fields.strings("items") : []
    chosenNamesAfter = fields.has("chosenNamesAfter") ? try fields.strings("chosenNamesAfter") : []
    try fields.finish()
  }
}

extension Layout.Rule {
  fileprivate init(_ fields: consuming JSONFields) throws {
    dividend = try fields.string("dividend")
    factor = fields.has("factor") ? try fields.integer("factor") : 1
    divisor = try fields.integer("divisor")
    remark = try fields.string("remark")
    try fields.finish()
  }
}

extension Layout.Drop {
  fileprivate init(_ fields: consuming JSONFields) throws {
    rule = try fields.string("rule")
    globs = try fields.strings("names")
    why = try fields.string("why")
    guardRule = fields.has("guard") ? try fields.word("guard") : nil
    try fields.finish()
  }
}
