import AtelierAPI
import AtelierCore
import AtelierRuntime

/// `POST /v1/messages/count_tokens`.
struct AnthropicCountTokensController: RouteHandler {
  let generation: any GenerationServing
  let body: BodyReader

  var endsWithClient: Bool { true }

  func handle(_ request: ServerRequest, _ exchange: Exchange) async throws {
    var question = try AnthropicCountTokens.decode(try await body.readJSON(request.request, exchange))
    question.caller = exchange.caller
    try await exchange.send(AnthropicCountTokens.body(tokens: try await generation.countTokens(question)))
  }
}
