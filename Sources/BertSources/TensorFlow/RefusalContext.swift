import BertCore

/// Runs `body` and names the rule that is broken in any refusal that leaves it without one.
func underRule<Result>(_ rule: String, _ body: () throws -> Result) throws -> Result {
  do { return try body() } catch var refusal as Refusal {
    if refusal.rule == nil { refusal.rule = rule }
    throw refusal
  }
}

/// Runs `body` and names the tensor as the place of any refusal.
func atTensor<Result>(_ name: String, _ body: () throws -> Result) throws -> Result {
  do { return try body() } catch var refusal as Refusal {
    refusal.place = "tensor \(name.printable)"
    throw refusal
  }
}
