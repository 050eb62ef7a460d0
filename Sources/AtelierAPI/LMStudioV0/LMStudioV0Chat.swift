import AtelierCore

/// `POST /api/v0/chat/completions` (native.md 12.4): OpenAI's dialect with LM Studio's objects beside `usage`.
package enum LMStudioV0Chat: Dialect {
  package static let keepAliveSeconds = OpenAIChat.keepAliveSeconds

  package static func decode(
    _ body: JSONValue, stamp: ResponseStamp
  ) throws(AtelierError) -> DecodedRequest<OpenAIChat.Context> { try OpenAIChat.decode(body, stamp: stamp) }

  package static func encoder(for context: OpenAIChat.Context) -> OpenAIChatStreamEncoder {
    OpenAIChatStreamEncoder(context, extras: .legacy)
  }

  package static func body(of answers: [Answer], in context: OpenAIChat.Context) -> JSONValue {
    OpenAIChatResult.body(of: answers, in: context, extras: .legacy)
  }

  package static func response(to error: AtelierError) -> ErrorResponse { OpenAIChat.response(to: error) }
}
