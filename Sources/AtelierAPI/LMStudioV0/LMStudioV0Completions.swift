import AtelierCore

/// `POST /api/v0/completions` (native.md 12.6): OpenAI's dialect with LM Studio's objects beside `usage`.
package enum LMStudioV0Completions: Dialect {
  package static let keepAliveSeconds = OpenAICompletions.keepAliveSeconds

  package static func decode(
    _ body: JSONValue, stamp: ResponseStamp
  ) throws(AtelierError) -> DecodedRequest<OpenAICompletions.Context> {
    try OpenAICompletions.decode(body, stamp: stamp)
  }

  package static func encoder(for context: OpenAICompletions.Context) -> OpenAICompletionStreamEncoder {
    OpenAICompletionStreamEncoder(context, extras: .legacy)
  }

  package static func body(of answers: [Answer], in context: OpenAICompletions.Context) -> JSONValue {
    OpenAICompletionResult.body(of: answers, in: context, extras: .legacy)
  }

  package static func response(to error: AtelierError) -> ErrorResponse { OpenAICompletions.response(to: error) }
}
