import AtelierCore

/// `POST /v1/responses` (openai.md 10 and 11).
package enum OpenAIResponses: Dialect {
  package struct Context: DialectContext, Hashable {
    package var isStreaming: Bool
    /// As asked for; empty when the client left it to the server.
    package var model: String
    /// The members of the response object that repeat the request.
    package var settings: JSONObject
    var forms: ToolForms
    /// Reasoning items carry a sealed copy of their text.
    var sealsReasoning: Bool
    package var stamp: ResponseStamp

    package var cancellationID: String? { stamp.responseID }

    var items: OpenAIResponsesItems {
      OpenAIResponsesItems(responseID: stamp.responseID, forms: forms, seal: sealsReasoning ? stamp.seal : nil)
    }
  }

  /// Codex counts events, not bytes, so silence is filled with events.
  package static let keepAliveSeconds = 15

  package static func decode(_ body: JSONValue, stamp: ResponseStamp) throws(AtelierError) -> DecodedRequest<Context> {
    try OpenAIResponsesRequest.decode(body, stamp: stamp)
  }

  package static func encoder(for context: Context) -> OpenAIResponsesStreamEncoder {
    OpenAIResponsesStreamEncoder(context)
  }

  package static func body(of answers: [Answer], in context: Context) -> JSONValue {
    OpenAIResponsesObject.whole(answers.first ?? Answer(result: GenerationResult()), in: context)
  }

  package static func response(to error: AtelierError) -> ErrorResponse {
    OpenAIError.response(to: error, inputField: "input")
  }

  /// Codex shortens its conversation when it reads this error in the stream, and gives up when it is an HTTP status.
  package static func opensStream(for error: AtelierError) -> Bool { error.code == .contextLengthExceeded }
}
