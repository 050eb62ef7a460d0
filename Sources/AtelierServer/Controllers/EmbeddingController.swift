import AtelierAPI
import AtelierCore
import AtelierRuntime

/// `POST /v1/embeddings`, and v0's form of it.
struct EmbeddingController: RouteHandler {
  let generation: any GenerationServing
  let body: BodyReader
  let render: @Sendable (EmbeddingResult, InstanceSelection, OpenAIEmbeddings.Command) throws(AtelierError) -> JSONValue

  var endsWithClient: Bool { true }

  func handle(_ request: ServerRequest, _ exchange: Exchange) async throws {
    let command = try OpenAIEmbeddings.decode(try await body.readJSON(request.request, exchange))
    let (instance, result) = try await generation.embed(
      model: command.model, command.request, timeToLive: command.timeToLive, caller: exchange.caller)
    try await exchange.send(try render(result, instance, command))
  }
}
