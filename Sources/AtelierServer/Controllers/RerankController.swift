import AtelierAPI
import AtelierCore
import AtelierRuntime

/// `POST /v1/rerank`.
struct RerankController: RouteHandler {
  let generation: any GenerationServing
  let body: BodyReader

  var endsWithClient: Bool { true }

  func handle(_ request: ServerRequest, _ exchange: Exchange) async throws {
    let command = try OpenAIRerank.decode(try await body.readJSON(request.request, exchange), stamp: .now())
    let (instance, result) = try await generation.rerank(
      model: command.model, command.request, timeToLive: command.timeToLive, caller: exchange.caller)
    try await exchange.send(OpenAIRerank.body(of: result, from: instance, for: command))
  }
}
