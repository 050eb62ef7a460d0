import AtelierCore

/// `POST /v1/responses/input_tokens`: how long the prompt of a request to `/v1/responses` would be. The same body, read by
/// the same code.
package enum OpenAIResponsesInputTokens {
  /// Throws `unsupportedParameter` for servers of tools: what they offer is known only when the answer is made.
  package static func decode(_ body: JSONValue, seal: ReasoningSeal?) throws(AtelierError) -> GenerationRequest {
    let stamp = ResponseStamp(created: 0, token: "", seal: seal)
    let request = try OpenAIResponsesRequest.decode(body, stamp: stamp).request
    guard request.integrations.isEmpty else {
      throw AtelierError(
        .unsupportedParameter,
        "'tools' of type 'mcp' cannot be counted: their servers are asked when the answer is made",
        param: "tools")
    }
    return request
  }

  package static func body(tokens: Int) -> JSONValue {
    ["object": "response.input_tokens", "input_tokens": .count(tokens)]
  }
}
