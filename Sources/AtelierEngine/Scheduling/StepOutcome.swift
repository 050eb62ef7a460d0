/// What sampling gave for one part of a `StepPlan`.
package enum StepOutcome: Sendable {
  case token(Int32, TokenProbability?)
  /// An end-of-text token was chosen.
  case end
  case failed(String)
}
