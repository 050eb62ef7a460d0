import AtelierCore

/// `POST /v1/messages` (anthropic.md 3 to 8).
package enum AnthropicMessages: Dialect {
  package struct Context: DialectContext, Hashable {
    /// What becomes of the model's reasoning.
    package enum Thinking: Sendable, Hashable {
      /// Generated, if the model cannot do without it, and not returned.
      case hidden
      /// A block without its text.
      case omitted
      case shown
    }

    package var isStreaming: Bool
    /// As asked for; empty when the client left it to the server.
    package var model: String
    package var thinking: Thinking
    /// `max_tokens` was 0: the prompt is read into the cache, and nothing is returned.
    package var isWarmUp: Bool
    package var stamp: ResponseStamp

    package init(isStreaming: Bool, model: String, thinking: Thinking, isWarmUp: Bool, stamp: ResponseStamp) {
      self.isStreaming = isStreaming
      self.model = model
      self.thinking = thinking
      self.isWarmUp = isWarmUp
      self.stamp = stamp
    }

    var id: String { "msg_" + stamp.token }

    /// Every SDK wants a signature, and clients drop thinking that has none. Nobody verifies it, least of all this server.
    var signature: String { "atl1." + stamp.token }
  }

  package static let keepAliveSeconds = 10

  package static func decode(_ body: JSONValue, stamp: ResponseStamp) throws(AtelierError) -> DecodedRequest<Context> {
    try AnthropicRequest.decode(body, stamp: stamp, isCounting: false)
  }

  package static func encoder(for context: Context) -> AnthropicStreamEncoder { AnthropicStreamEncoder(context) }

  package static func body(of answers: [Answer], in context: Context) -> JSONValue {
    AnthropicResult.body(of: answers.first?.result ?? GenerationResult(), in: context)
  }

  package static func response(to error: AtelierError) -> ErrorResponse { AnthropicError.response(to: error) }
}
