/// Why a piece of work could not be done: the one error type of the project.
///
/// It holds what a person needs (which file, where in it, what is wrong, what to do next) as separate fields; the
/// sentence is put together where it is printed, and `--json` prints the fields themselves.
public struct Refusal: Error, Sendable, Equatable {
  /// What kind of trouble it is; decides nothing but how callers may react.
  public enum Kind: String, Sendable {
    /// The bytes contradict their own format or their checksums.
    case damaged
    /// Well-formed, but outside what this program reads or computes.
    case unsupported
    /// The pieces do not fit together: configuration against tensors, golden against model.
    case contradictory
    /// Something that is needed is not there.
    case missing
    /// The operating system said no.
    case system
    /// The command was called in a way that can never work.
    case usage
  }

  public var kind: Kind
  /// What is wrong, as one sentence without a final full stop; names from files are escaped in it already.
  public var message: String
  /// The file concerned, as the user named it or as it was found.
  public var file: String?
  /// Where in the file: a byte offset, a tensor's name, a JSON key.
  public var place: String?
  /// The numbered rule that was broken, such as `R-SAFE-05`.
  public var rule: String?
  /// What to do about it.
  public var hint: String?

  public init(
    _ kind: Kind, _ message: String, file: String? = nil, place: String? = nil, rule: String? = nil,
    hint: String? = nil
  ) {
    self.kind = kind
    self.message = message
    self.file = file
    self.place = place
    self.rule = rule
    self.hint = hint
  }

  /// The same refusal, saying which file it is about where it did not say so yet.
  public func inFile(_ path: String) -> Refusal {
    var copy = self
    if copy.file == nil { copy.file = path }
    return copy
  }
}

/// Runs `body` and adds the file's name to any refusal that leaves it without one.
package func namingFile<Result>(_ path: String, _ body: () throws -> Result) throws -> Result {
  do { return try body() } catch let refusal as Refusal { throw refusal.inFile(path) }
}
