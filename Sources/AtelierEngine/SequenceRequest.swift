import AtelierCore

/// What the engine is asked: token ids in, token ids out. It knows no text.
package struct SequenceRequest: Sendable {
  /// Chosen by the caller, unique among live requests.
  package var id: UInt64
  package var prompt: [Int32]
  /// What was generated for it already, by another engine: it is read like the prompt, and generation goes on behind it.
  package var generated: [Int32] = []
  /// Random numbers drawn for that.
  package var draws = 0
  /// The pictures in the prompt, in order.
  package var media: [MediaSpan]
  /// Every field but `seed` is set; `seed` nil draws one.
  package var sampling: SamplingParameters
  /// Generated tokens at most; nil: until the context is full.
  package var maxTokens: Int?
  package var grammar: GrammarConstraint?
  /// nil: no log probabilities; n: the n most likely beside the chosen one.
  package var topLogprobs: Int?
  /// Tell the probabilities of the prompt's tokens too, the first one's apart. Nothing of the prompt is taken from others
  /// then, because every row's logits are needed.
  package var scoresPrompt = false
  /// Keep the finished sequence for prefix reuse.
  package var cacheable: Bool
  /// Who asks: requests of different clients take turns.
  package var client: UInt64

  package init(
    id: UInt64, prompt: [Int32], media: [MediaSpan] = [], sampling: SamplingParameters, maxTokens: Int? = nil,
    grammar: GrammarConstraint? = nil, topLogprobs: Int? = nil, cacheable: Bool = true, client: UInt64 = 0
  ) {
    self.id = id
    self.prompt = prompt
    self.media = media
    self.sampling = sampling
    self.maxTokens = maxTokens
    self.grammar = grammar
    self.topLogprobs = topLogprobs
    self.cacheable = cacheable
    self.client = client
  }
}
