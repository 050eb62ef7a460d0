import AtelierCore

/// `POST /v1/chat/completions` (openai.md 7).
package enum OpenAIChat: Dialect {
  package struct Context: DialectContext, Hashable {
    package var isStreaming: Bool
    package var choices: Int
    /// As asked for; empty when the client left it to the server.
    package var model: String
    package var includesUsage: Bool
    /// The request used `functions`, so the answer says `function_call`.
    package var usesLegacyFunctions: Bool
    /// The request asked for log probabilities.
    package var includesLogprobs: Bool
    package var stamp: ResponseStamp

    package init(
      isStreaming: Bool, choices: Int, model: String, includesUsage: Bool, usesLegacyFunctions: Bool,
      includesLogprobs: Bool, stamp: ResponseStamp
    ) {
      self.isStreaming = isStreaming
      self.choices = choices
      self.model = model
      self.includesUsage = includesUsage
      self.usesLegacyFunctions = usesLegacyFunctions
      self.includesLogprobs = includesLogprobs
      self.stamp = stamp
    }

    /// LM Studio's form: 21 base-36 characters.
    var id: String { "chatcmpl-" + stamp.token.prefix(21) }
  }

  package static let keepAliveSeconds = 10

  package static func decode(_ body: JSONValue, stamp: ResponseStamp) throws(AtelierError) -> DecodedRequest<Context> {
    try OpenAIChatRequest.decode(body, stamp: stamp)
  }

  package static func encoder(for context: Context) -> OpenAIChatStreamEncoder { OpenAIChatStreamEncoder(context) }

  package static func body(of answers: [Answer], in context: Context) -> JSONValue {
    OpenAIChatResult.body(of: answers, in: context)
  }

  package static func response(to error: AtelierError) -> ErrorResponse { OpenAIError.response(to: error) }
}
