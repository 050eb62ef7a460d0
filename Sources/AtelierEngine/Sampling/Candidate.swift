/// A token that may still be chosen. Ordered as samplers do: the greater logit first; of equals, the lower token.
struct Candidate: Sendable {
  var logit: Float
  var token: Int32

  @inline(__always)
  func precedes(_ other: Candidate) -> Bool {
    logit > other.logit || (logit == other.logit && token < other.token)
  }
}
