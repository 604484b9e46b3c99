import BertCore
import BertPlan
import BertZoo

/// The `convert` line that would work for a source, with everything filled in that the source does not say by itself.
struct ConvertCommand {
  let path: String
  let switches: SourceSwitches
  let model: OpenedModel

  init(_ path: String, _ switches: SourceSwitches, _ model: OpenedModel) {
    self.path = path
    self.switches = switches
    self.model = model
  }

  /// The line, and the values in it that are only usual for the family; no line where no switch would help.
  func line() -> (command: String?, assumptions: [String]) {
    var words = ["bertconv", "convert", path]
    var assumptions: [String] = []
    if let configuration = switches.configuration { words += ["--config", configuration] }
    if let family = switches.family { words += ["--family", family] }
    if let head = switches.head { words += ["--head", head] }
    for set in switches.sets { words += ["--set", set] }
    for drop in switches.drops { words += ["--drop", drop] }
    if switches.isOpaque { words.append("--opaque") }
    switch model.state {
    case .planned: break
    case .unrecognised: return (nil, [])
    case .drafted(let draft):
      for problem in draft.problems {
        switch problem {
        case .missing, .contradiction: return (nil, [])
        case .unknown(let names): words += names.flatMap { ["--drop", $0] }
        case .ambiguousHead(let heads):
          guard let first = heads.first else { return (nil, []) }
          words += ["--head", first]
          assumptions.append("--head \(first) (it may be any of \(heads.joined(separator: ", ")))")
        case .undecided(let settings):
          for setting in settings {
            guard let suggestion = setting.suggestion else { return (nil, []) }
            words += ["--set", "\(setting.key)=\(suggestion)"]
            assumptions.append("\(setting.key)=\(suggestion)")
          }
        }
      }
    }
    words += ["-o", outputName]
    return (words.map(\.shellQuoted).joined(separator: " "), assumptions)
  }

  /// A name for the output in the current folder, made of the source's.
  private var outputName: String {
    var name = Path.last(path)
    let common = ["model", "pytorch_model", "tf_model", "bert_model", "model.safetensors", "pytorch_model.bin"]
    if let dot = name.firstIndex(of: "."), !Path.isFolder(path) { name = String(name[..<dot]) }
    if common.contains(name) {
      let folder = Path.last(Path.folder(path))
      if !folder.isEmpty, folder != "." { name = folder }
    }
    return (name.isEmpty || name == "." ? "model" : name) + ".bertw"
  }
}
