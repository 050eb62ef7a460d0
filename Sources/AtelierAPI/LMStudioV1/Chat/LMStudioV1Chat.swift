import AtelierCore

/// `POST /api/v1/chat` (native.md 4 and 5).
package enum LMStudioV1Chat: Dialect {
  package struct Context: DialectContext, Hashable {
    package var isStreaming: Bool

    package init(isStreaming: Bool) { self.isStreaming = isStreaming }
  }

  package static let keepAliveSeconds = 15

  package static func decode(_ body: JSONValue, stamp: ResponseStamp) throws(AtelierError) -> DecodedRequest<Context> {
    try LMStudioV1ChatRequest.decode(body)
  }

  package static func encoder(for context: Context) -> LMStudioV1ChatStreamEncoder { LMStudioV1ChatStreamEncoder() }

  package static func body(of answers: [Answer], in context: Context) -> JSONValue {
    LMStudioV1ChatResult.body(of: answers.first?.result ?? GenerationResult(), instanceID: nil, failed: false)
  }

  package static func response(to error: AtelierError) -> ErrorResponse { LMStudioV1Error.response(to: error) }
}
