/// A grammar's state for one sequence. Lives on the engine's thread.
package protocol TokenConstraint: AnyObject {
  /// Whether the token may come next. Cheap: checked for the winner first.
  func allows(_ token: Int32) -> Bool

  /// Sets the logit of every token that may not come next to -infinity. Expensive: only after the winner was refused.
  func mask(_ logits: UnsafeMutableBufferPointer<Float>)

  /// Advances the state. The token must be allowed.
  func accept(_ token: Int32)
}
