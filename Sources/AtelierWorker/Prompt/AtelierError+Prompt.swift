import AtelierCore

extension AtelierError {
  /// A template that runs on and on.
  package static let templateTooExpensive = AtelierError(
    .templateFailed, "The model's chat template takes too much time or memory for this request.")

  /// A prompt of `tokens` tokens for a context of `context`. `about`: they were not counted.
  package static func promptTooLong(tokens: Int, about: Bool = false, context: Int) -> AtelierError {
    AtelierError(
      .contextLengthExceeded,
      "The prompt has \(about ? "about " : "")\(tokens) tokens, too many for the context length of \(context) tokens, "
        + "which must hold the answer too. Shorten it, or load the model with a larger context.",
      details: ["prompt_tokens": .integer(Int64(tokens)), "context_length": .integer(Int64(context))])
  }
}
