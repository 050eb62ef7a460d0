/// How long an answer took, as its statistics show it.
package struct GenerationTimings: Sendable, Hashable, Codable {
  /// First round: prompt accepted to first token, load excluded. Seconds.
  package var timeToFirstToken: Double
  /// First to last generated token, all rounds. Seconds.
  package var generation: Double
  /// Present only if this request loaded the model. Seconds.
  package var modelLoad: Double?

  package init(timeToFirstToken: Double = 0, generation: Double = 0, modelLoad: Double? = nil) {
    self.timeToFirstToken = timeToFirstToken
    self.generation = generation
    self.modelLoad = modelLoad
  }
}
