import BertCore

/// All that is known of a family as data: one file of Zoo/Variants (schema: Schemas/variant.schema.json).
///
/// It says which tensors a model of the family has and what their shapes are made of, under which names every release
/// stored them, what its configurations call things, and how the runtime's blocks are wired.
package struct FamilyDescriptor: Sendable {
  package var family: String
  /// The family's name for people, with its paper.
  package var title: String
  /// The values of `model_type` that mean this family.
  package var modelTypes: [String]
  /// The quantities that a configuration may give, by name.
  package var settings: [String: Setting]
  /// Extents that follow from settings.
  package var derived: [String: DerivedSize]
  /// Pairs of settings of which the first must divide the second.
  package var divides: [(divisor: String, dividend: String)]
  /// Settings of which the product must not exceed another.
  package var bounds: [(factors: [String], most: String)]
  /// The languages of configuration files; the last is taken where no other is recognised.
  package var dialects: [Dialect]
  /// What a model is made of, in no particular order.
  package var parts: [Part]
  /// The head that a Hugging Face class name stands for.
  package var architectures: [String: String]
  /// The part of a checkpoint of several models that a Hugging Face class name stands for.
  package var partArchitectures: [String: String]
  /// How to tell heads apart that are stored under the same names.
  package var headChoices: [HeadChoice]
  /// Nil where only a configuration or the user can say that a model is of this family.
  package var proof: Proof?
  package var layouts: [Layout]
}

/// A quantity that a configuration gives or that tensors tell.
package struct Setting: Sendable {
  package enum Kind: String, Sendable {
    /// An extent of at least 1.
    case size
    /// A token's number, from 0 on.
    case id
    /// How many units a repeated part has; at least 1.
    case count
    /// The same of a part that may be absent, from 0 on; original configurations write it as a text.
    case depth
    /// A list of such numbers, one a stage; original configurations write it as a text such as `6_3x2_3x2`.
    case counts
    /// An extent for all units of a repeated part, or a list of one a unit.
    case extents
    /// A positive number.
    case epsilon
    /// One of the words of a dialect's table.
    case word
    /// The names of a classifier's outputs.
    case labels
    /// The rows of every layer of stacks under names that somebody chose; only tensors tell them.
    case stacks
  }
  package var kind: Kind
  /// What it is, for people, where a user may have to give it.
  package var what: String?
  /// The value where neither a configuration nor the tensors say anything; nil where guessing would be wrong.
  package var otherwise: JSON?
  /// What published models of the family usually have: only ever shown as a suggestion.
  package var suggestion: Suggestion?
  /// Of `extents`: the count of the units.
  package var each: String?
  /// Of two settings, of which this one is the first divided by the second, rounded down, but at least 1.
  package var computedFrom: (dividend: String, divisor: String)?
  /// The extent that is not written into a model's descriptor, since an axis of that extent is not there.
  package var unwritten: Int?
  /// Whether a model's descriptor leaves it out where nothing uses it.
  package var isOptional = false
  /// The setting whose value this one has where nothing says otherwise; what is said of that one by hand is said of
  /// both.
  package var follows: String?

  package enum Suggestion: Sendable {
    case value(JSON)
    /// The extent of a setting divided by a number.
    case quotient(of: String, by: Int)
    /// A list of so many equal numbers that add up to a setting.
    case parts(of: String, Int)
  }
}

/// An extent computed from others.
package enum DerivedSize: Sendable {
  /// The number that stands at a path of the model descriptor.
  case member(String)
  /// The sum of the numbers in the list that stands there.
  case sum(String)
  case quotient(String, String)
  /// `size` / `divisor`
  case fraction(size: String, divisor: Int)
  case product(String, String)
  case total(String, String)
  /// `size` × `factor` + `offset`
  case scaled(size: String, factor: Int, offset: Int)
}

/// How one kind of configuration file names the settings.
package struct Dialect: Sendable {
  package var id: String
  /// Keys of which one is present in every file of this dialect and in no other's; empty for the dialect that is taken
  /// where no other is recognised.
  package var recognisedBy: [String]
  /// Paths of the objects that may hold the keys, for files that nest them; the first that is there counts. Empty
  /// where they stand at the top.
  package var nestedIn: [String]
  package var keys: [String: Key]
  /// Whether files of this dialect may have a `model_type` of another family, which then says nothing.
  package var overrulesModelType: Bool
  /// Keys that must have one value, because any other changes the mathematics beyond what is supported.
  package var expectations: [String: (value: JSON, isOfEach: Bool, why: String)]

  /// Where a setting stands and what its words mean.
  package struct Key: Sendable {
    /// Nil where this dialect's code has the value fixed and no user can give another.
    package var key: String?
    /// Other keys that mean the same.
    package var aliases: [String]
    /// The value where the key is absent; nil where a file must have it.
    package var defaultValue: JSON?
    /// For word settings: this dialect's words and what they mean.
    package var words: [String: String]
    /// What a user should know when a certain word is met.
    package var remarks: [String: String]
    /// Of extents: what a file's number is divided by.
    package var divisor: Int
    /// The value that this dialect's code has fixed, whatever a file says.
    package var fixed: JSON?
    /// Whether a list's text is read for how often its stages are repeated (`2` in `3x2`), not for their numbers.
    package var readsRepeats = false

    /// All keys that mean the setting.
    package var spellings: [String] { (key.map { [$0] } ?? []) + aliases }
  }
}

/// A piece of a model that is there as a whole or not at all: a body's embeddings, its layers, a pooler, a head.
package struct Part: Sendable {
  /// The member of the model descriptor that says the part is there: `wiring.pooler`, `heads.mlm`.
  package var path: String
  /// What stands at that path; a text `$name` stands for a setting's value.
  package var value: JSON
  package var presence: Presence
  /// The count settings whose product says how many units the part has; tensor names then hold `{i}`.
  package var repeatedBy: [String]
  /// Two extents that must be equal where the part is not there.
  package var absentWhenEqual: [String]
  /// Parts without which this one cannot be computed.
  package var needs: [String]
  /// Parts beside which it cannot.
  package var excludes: [String]
  /// The Hugging Face classes whose models have it, and those whose models have not; nil where classes do not tell.
  package var classes: (with: [String], without: [String])?
  package var tensors: [TensorTemplate]
  /// Linear layers under names that somebody chose; nil where there are none.
  package var stacks: NamedStacks?
  /// Of a part that is not there: whose copy its tensors are.
  package var tiedTo: [String: String]
  /// Of a part that is there when its tensors are stored: when they must be.
  package var due: Due?
  /// A tensor that some configurations say is given by a formula. What is stored counts all the same.
  package var formula: FormulaClaim?

  /// Tensors must be stored where a setting has one of these values and these extents are reached, and must not be
  /// stored where it has another.
  package struct Due: Sendable {
    package var setting: String
    package var values: [String]
    package var least: [String: Int]
  }

  package enum Presence: Sendable {
    case always
    /// There when the source has its tensors.
    case whenStored
    /// There when a setting has one of these values, inside another part where one is named.
    case whenSetting(String, [String], within: String?)
    /// There with another part.
    case within(String)
  }
}

/// A configuration's word that a stored tensor is given by a formula.
package struct FormulaClaim: Sendable {
  package enum Formula: String, Sendable {
    /// sin(p / 10000^(2⌊j/2⌋ / width)) in even columns j of row p, the cosine of the same in odd ones (A. Vaswani et
    /// al. 2017, section 3.5).
    case sinusoids
  }
  /// By canonical name.
  package var tensor: String
  package var formula: Formula
  /// The setting that says so, and the values with which it does.
  package var setting: String
  package var values: [String]
}

/// A canonical tensor and what its shape is made of.
package struct TensorTemplate: Sendable {
  package var name: String
  package var shape: [Dimension]

  package enum Dimension: Sendable, Hashable {
    case number(Int)
    case symbol(String)
    /// A leading axis that is not there where its extent is the one that is not written.
    case optional(String)
  }

  /// What the axes of a tensor of that rank stand for; nil where no such tensor has it.
  package func axes(rank: Int) -> [Dimension]? {
    if case .optional(let symbol)? = shape.first {
      if rank == shape.count { return [.symbol(symbol)] + shape.dropFirst() }
      return rank == shape.count - 1 ? Array(shape.dropFirst()) : nil
    }
    return rank == shape.count ? shape : nil
  }
}

/// One line of the decision between heads whose tensors have the same names; the first line that fits decides.
package struct HeadChoice: Sendable {
  package var among: Set<String>
  /// The line fits when this part, or this canonical tensor, is absent.
  package var without: String?
  /// The line fits when the head's output has this many rows.
  package var rows: Int?
  /// Nil: the user has to say.
  package var head: String?
}

/// What shows that tensors belong to this family and not to one that names its body alike.
package struct Proof: Sendable {
  /// A tensor whose name matches one of these globs.
  package var names: [String]
  /// Or: these parts are there, and these extents have at least these values.
  package var parts: [String]
  package var least: [String: Int]
  /// And these have exactly these.
  package var exact: [String: Int]
  /// What tells the family from one whose tensors are the same; one mark is enough.
  package var marks: [Mark]

  /// What a file of the family shows beside the names of its tensors. All that is said must hold.
  package struct Mark: Sendable {
    /// One stored name, as it stands, matches one of these globs.
    package var storedNames: [String]
    /// The configuration has one of these keys.
    package var has: [String]
    /// The configuration has none of these.
    package var lacks: [String]
    /// The configuration has these keys, with these values.
    package var equals: [String: JSON]
    /// The configuration has these keys, with other values.
    package var differs: [String: JSON]
  }
}

/// How one kind of release names and stores the tensors.
package struct Layout: Sendable {
  package var id: String
  package var containers: Set<String>
  /// The dialect that supplies defaults where there is no configuration.
  package var dialect: String
  package var names: NameRewriting
  /// What stands for `{prefix}` in the patterns: alternatives, tried in order.
  package var prefixes: [String]
  package var tensors: [Row]
  package var drops: [Drop]
  /// Tensors that only models have which are not supported, and why.
  package var refused: [Drop]
  /// Canonical tensors of which a second copy may hold only zeros, because a writer of this layout forgot to fill it.
  package var zeroCopies: Set<String>
  /// Which of several models that one checkpoint holds this layout reads; nil where there is one.
  package var part: String?
  /// What the release's code computes where no configuration says it.
  package var rules: [String: Rule]
  /// The setting that gets the numbers of units of the blocks `{b}`; nil where no name holds those.
  package var blocksTell: String?
  /// Globs over rewritten names, each of which must match one: what tells this layout from one that names the rest alike.
  package var marks: [String]
  /// Whether several families are stored under the same names, so that only a configuration or the user can say which.
  package var tellsNoFamily: Bool
  /// Settings that every file of this layout has alike, whatever a configuration says.
  package var given: [String: JSON]

  /// A setting as another one times a factor, divided by a number, rounded down, but at least 1.
  package struct Rule: Sendable {
    package var dividend: String
    package var factor: Int
    package var divisor: Int
    package var remark: String
  }

  /// A source tensor's name pattern, the canonical name it fills, and what happens to it on the way.
  package struct Row: Sendable {
    package let pattern: String
    package var canonical: String
    package var operations: [TensorOperation]
    /// Whether names number the units inside each block.
    package let isInBlock: Bool
    /// Whether names go on counting behind the body's units.
    package let continues: Bool
    /// Extents of the stored tensor that tell settings which canonical shapes do not hold.
    package var tells: [(axis: Int, setting: String)] = []
    /// Why the tensor is left out, unread, where another one fills its place; nil where both must be equal.
    package var spare: String?

    package init(pattern: String, canonical: String, operations: [TensorOperation]) {
      self.pattern = pattern
      self.canonical = canonical
      self.operations = operations
      isInBlock = pattern.holds("{b}")
      continues = pattern.holds("{i+layers}")
    }
  }

  /// Tensors that are left out, and why.
  package struct Drop: Sendable {
    package var rule: String
    /// Globs over rewritten names.
    package var globs: [String]
    package var why: String
    package var guardRule: Guard?

    /// What the dropped tensor must hold; checked while writing.
    package enum Guard: String, Sendable {
      /// 0, 1, 2 … along the last axis.
      case counting
      case zeros
    }
  }
}

/// Changes to stored names before they are compared with patterns, in this order.
package struct NameRewriting: Hashable, Sendable {
  /// Puts `new` wherever `old` is.
  package struct Replacement: Hashable, Sendable {
    package let old: String
    package let new: String

    package init(_ old: String, with new: String) { (self.old, self.new) = (old, new) }
  }

  /// With this text the name of some tensor of the model goes on where its root ends. The root was chosen by the user
  /// who saved the model, and is cut off all names that have it.
  package var rootMark: String?
  /// What was found to be the root.
  package var root = ""
  /// Leading parts, separated by slashes, that are cut off.
  package var droppedParts = 0
  package var droppedSuffix = ""
  /// Classes of which items of a list are named: `layer`, `layer_1`, `layer_2` … become 0, 1, 2 …
  package var items: [String] = []
  package var replacements: [Replacement] = []
  /// Leading texts after which a part is a name that its maker chose, and is cut out. It ends with the same character as
  /// the text: a point or a slash.
  package var chosenNamesAfter: [String] = []

  package init() {}
}

/// What turns a stored tensor into the canonical one. Every operation but `noTokenTypes` has an inverse; the parts of a
/// split together do.
package enum TensorOperation: String, Sendable {
  /// Swaps the last two axes.
  case transpose
  /// The same of tensors with more than two axes; a matrix stays what it is.
  case transposeGroups = "transpose groups"
  /// Moves the last axis before all others.
  case lastFirst = "last first"
  /// The first third of the first axis: the query of a fused projection.
  case firstThird = "split 1/3"
  /// The key of a fused projection.
  case secondThird = "split 2/3"
  /// The value of a fused projection.
  case lastThird = "split 3/3"
  /// One row of zeros, as wide as the stored tensor and of its type: the table of segments of an architecture that has
  /// none. Adding it changes nothing, and other releases of the same models store it.
  case noTokenTypes = "no-token-types"

  /// Puts an axis of 1 before all others: a vector becomes a matrix of one row.
  case oneRow = "one row"
  /// Makes one axis of the first two, row-major: `[heads, size, hidden]` → `[heads · size, hidden]`. The payload stays
  /// what it is; the inverse splits the axis again.
  case mergeFirst = "merge first"
  /// Makes one axis of the last two, row-major: `[hidden, heads, size]` → `[hidden, heads · size]`.
  case mergeLast = "merge last"

  /// Which third of the first axis is taken; nil for the other operations.
  package var third: Int? {
    switch self {
    case .firstThird: 0
    case .secondThird: 1
    case .lastThird: 2
    case .transpose, .transposeGroups, .lastFirst, .noTokenTypes, .oneRow, .mergeFirst, .mergeLast: nil
    }
  }
}
