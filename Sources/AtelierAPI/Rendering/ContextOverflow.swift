import AtelierCore

/// The two numbers of a `contextLengthExceeded`, which every dialect words in its own way.
struct ContextOverflow {
  var promptTokens: Int
  var contextLength: Int

  /// nil when the error does not carry `prompt_tokens` and `context_length`.
  init?(_ error: AtelierError) {
    guard let promptTokens = error.details["prompt_tokens"]?.integerValue,
      let contextLength = error.details["context_length"]?.integerValue
    else { return nil }
    self.promptTokens = promptTokens
    self.contextLength = contextLength
  }
}
