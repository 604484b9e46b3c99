import BertCore

/// The classes and functions that a pickle may name, as tags. None of them is ever looked up, imported or called: what
/// a pickle asks of them is answered by `PickleMachine` with inert values (R-PKL-01).
enum PickleCallable: Sendable {
  case orderedDictionary, defaultDictionary, dictionary, namespace
  case list, tuple, set, frozenSet
  case integer, float, bool, string, bytes, byteArray, complex, slice, range
  case size, device
  case element(TorchElement)
  /// A storage class; nil for `UntypedStorage`, which counts bytes.
  case storageClass(TorchElement?)
  /// `TypedStorage`, or a storage class that names no element type: no tensor can come from it.
  case otherStorage
  case rebuildTensor(RebuildVersion)
  case rebuildParameter, parameter
  /// `_codecs.encode`, as protocols below 3 write bytes.
  case encode
  /// A class that is known, or by `--opaque` allowed, to be ignored: an index into `PickleValues.opaqueClasses`.
  case opaque(Int32)

  /// `_rebuild_tensor`, `_rebuild_tensor_v2`, `_rebuild_tensor_v3`.
  enum RebuildVersion: Int { case first = 1, second, third }

  /// Whether it is a function; NEWOBJ, OBJ and INST take classes only.
  var isFunction: Bool {
    switch self {
    case .rebuildTensor, .rebuildParameter, .encode: true
    default: false
    }
  }
}

extension PickleCallable {
  /// The complete list (a) of R-PKL-01.
  static func listed(module: String, name: String) -> PickleCallable? {
    switch module {
    case "builtins": builtins[name]
    case "__builtin__": builtins[name] ?? python2Names[name].flatMap { builtins[$0] }
    case "collections":
      switch name {
      case "OrderedDict": .orderedDictionary
      case "defaultdict": .defaultDictionary
      default: nil
      }
    case "argparse": name == "Namespace" ? .namespace : nil
    case "_codecs": name == "encode" ? .encode : nil
    case "torch": ofTorch(name)
    case "torch.storage":
      switch name {
      case "UntypedStorage": .storageClass(nil)
      case "TypedStorage": .otherStorage
      default: nil
      }
    case "torch._utils":
      switch name {
      case "_rebuild_tensor": .rebuildTensor(.first)
      case "_rebuild_tensor_v2": .rebuildTensor(.second)
      case "_rebuild_tensor_v3": .rebuildTensor(.third)
      case "_rebuild_parameter": .rebuildParameter
      default: nil
      }
    case "torch.nn.parameter": name == "Parameter" ? .parameter : nil
    default: nil
    }
  }

  private static let builtins: [String: PickleCallable] = [
    "set": .set, "frozenset": .frozenSet, "dict": .dictionary, "list": .list, "tuple": .tuple, "int": .integer,
    "float": .float, "bool": .bool, "str": .string, "bytes": .bytes, "bytearray": .byteArray, "complex": .complex,
    "slice": .slice, "range": .range,
  ]

  /// Protocols below 3 call three of them by the names that they had in Python 2.
  private static let python2Names = ["long": "int", "unicode": "str", "xrange": "range"]

  private static func ofTorch(_ name: String) -> PickleCallable? {
    switch name {
    case "Size": .size
    case "device": .device
    case "UntypedStorage": .storageClass(nil)
    case "TypedStorage": .otherStorage
    default:
      TorchElement(rawValue: name).map(PickleCallable.element)
        ?? TorchElement.storageClasses[name].map(PickleCallable.storageClass)
        ?? (name.hasSuffix("Storage") ? .otherStorage : nil)
    }
  }

  /// The list (b) of R-PKL-01: what training leaves behind in checkpoints, read as opaque values.
  private static let opaqueModules = [
    "numpy", "omegaconf", "fairseq", "pytorch_lightning", "lightning", "lightning_fabric", "transformers", "pathlib",
    "datetime", "enum", "typing",
  ]

  static func isOpaque(module: String) -> Bool {
    opaqueModules.contains { module == $0 || module.hasPrefix($0 + ".") }
  }
}
