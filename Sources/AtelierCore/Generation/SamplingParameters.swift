/// How the next token is chosen. nil means "not said": the model's own default, then `SamplingParameters.builtIn`.
package struct SamplingParameters: Sendable, Hashable, Codable {
  /// 0…2; 0 is greedy.
  package var temperature: Double?
  /// 0…1.
  package var topP: Double?
  /// 0 or -1 disables.
  package var topK: Int?
  /// 0…1.
  package var minP: Double?
  /// > 0, at most 10; 1 is none.
  package var repeatPenalty: Double?
  /// -2…2.
  package var presencePenalty: Double?
  /// -2…2.
  package var frequencyPenalty: Double?
  /// Any 32-bit seed; nil draws one.
  package var seed: UInt32?
  /// Added to the logits before anything else; -100 bans. At most 1,024 entries.
  package var logitBias: [Int32: Double]

  package init(
    temperature: Double? = nil, topP: Double? = nil, topK: Int? = nil, minP: Double? = nil,
    repeatPenalty: Double? = nil, presencePenalty: Double? = nil, frequencyPenalty: Double? = nil,
    seed: UInt32? = nil, logitBias: [Int32: Double] = [:]
  ) {
    self.temperature = temperature
    self.topP = topP
    self.topK = topK
    self.minP = minP
    self.repeatPenalty = repeatPenalty
    self.presencePenalty = presencePenalty
    self.frequencyPenalty = frequencyPenalty
    self.seed = seed
    self.logitBias = logitBias
  }

  /// The defaults of LM Studio's schema (native.md 4.1).
  package static let builtIn = SamplingParameters(
    temperature: 0.8, topP: 0.95, topK: 40, minP: 0.05, repeatPenalty: 1.1, presencePenalty: 0, frequencyPenalty: 0)

  /// These values, and where nothing is said those of `fallback`.
  package func filled(from fallback: SamplingParameters) -> SamplingParameters {
    SamplingParameters(
      temperature: temperature ?? fallback.temperature, topP: topP ?? fallback.topP, topK: topK ?? fallback.topK,
      minP: minP ?? fallback.minP, repeatPenalty: repeatPenalty ?? fallback.repeatPenalty,
      presencePenalty: presencePenalty ?? fallback.presencePenalty,
      frequencyPenalty: frequencyPenalty ?? fallback.frequencyPenalty, seed: seed ?? fallback.seed,
      logitBias: logitBias.isEmpty ? fallback.logitBias : logitBias)
  }
}
