import AtelierCore

/// `POST /v1/messages/count_tokens` (anthropic.md 10): the same body, read by the same code.
package enum AnthropicCountTokens {
  package static func decode(_ body: JSONValue) throws(AtelierError) -> GenerationRequest {
    try AnthropicRequest.decode(body, stamp: ResponseStamp(created: 0, token: ""), isCounting: true).request
  }

  package static func body(tokens: Int) -> JSONValue { ["input_tokens": .count(tokens)] }
}
