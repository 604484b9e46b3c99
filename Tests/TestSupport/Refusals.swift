import BertCore

/// The refusal that `body` ends with; nil where it ends well, and one of kind `system` for any other error.
package func refused<Result>(_ body: () throws -> Result) -> Refusal? {
  do {
    _ = try body()
    return nil
  } catch let refusal as Refusal {
    return refusal
  } catch {
    return Refusal(.system, "no refusal, but \(error)")
  }
}
