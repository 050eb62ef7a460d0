/// What sampling gave for one part of a `StepPlan`.
package enum StepOutcome: Sendable {
  case token(Int32, TokenProbability?, draws: Int = 0)
  /// An end-of-text token was chosen.
  case end
  case failed(String)
}
