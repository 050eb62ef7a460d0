import AtelierAPI
import AtelierCore
import AtelierRuntime
import HTTPTypes

/// `POST /v1/responses`: puts stored items in the place of their names, then answers like any other dialect.
struct ResponsesRoute: RouteHandler {
  let route: GenerationRoute<OpenAIResponses>
  let references: ResponsesReferences

  var endsWithClient: Bool { true }

  func handle(_ request: ServerRequest, _ exchange: Exchange) async throws {
    let body = try await route.body.readJSON(request.request, exchange)
    try await route.answer(try await references.resolved(body, for: exchange.caller), exchange)
  }
}

/// `POST /v1/responses/input_tokens`.
struct ResponsesInputTokensController: RouteHandler {
  let generation: any GenerationServing
  let body: BodyReader
  let references: ResponsesReferences

  var endsWithClient: Bool { true }

  func handle(_ request: ServerRequest, _ exchange: Exchange) async throws {
    let value = try await references.resolved(
      try await body.readJSON(request.request, exchange), for: exchange.caller)
    var question = try OpenAIResponsesInputTokens.decode(value, seal: references.seal)
    question.caller = exchange.caller
    try await exchange.send(OpenAIResponsesInputTokens.body(tokens: try await generation.countTokens(question)))
  }
}

/// `GET /v1/responses/{id}`.
struct StoredResponseController: RouteHandler {
  let turns: any StoredTurns
  let seal: ReasoningSeal

  func handle(_ request: ServerRequest, _ exchange: Exchange) async throws {
    if request.query["stream"] == "true" {
      throw AtelierError(.unsupportedParameter, "'stream' is not supported for stored responses", param: "stream")
    }
    try await exchange.send(
      OpenAIStoredResponse(try await turns.turn(request.rest, of: exchange.caller), seal: seal).body())
  }
}

/// `GET /v1/responses/{id}/input_items`.
struct ResponseInputItemsController: RouteHandler {
  let turns: any StoredTurns
  let seal: ReasoningSeal

  func handle(_ request: ServerRequest, _ exchange: Exchange) async throws {
    let page = try OpenAIPage(request.query.byName)
    try await exchange.send(
      OpenAIStoredResponse(try await turns.turn(request.rest, of: exchange.caller), seal: seal).inputItems(page))
  }
}

/// `DELETE /v1/responses/{id}`.
struct DeleteResponseController: RouteHandler {
  let turns: any StoredTurns

  func handle(_ request: ServerRequest, _ exchange: Exchange) async throws {
    try await turns.forget(request.rest, of: exchange.caller)
    try await exchange.send(OpenAIStoredResponse.deleted(request.rest))
  }
}

/// `POST /v1/responses/{id}/cancel`: ends a running answer; of one that has ended it shows how.
struct CancelResponseController: RouteHandler {
  let turns: any StoredTurns
  let seal: ReasoningSeal
  let running: RunningAnswers

  func handle(_ request: ServerRequest, _ exchange: Exchange) async throws {
    if let body = running.stop(request.rest, of: exchange.caller) { return try await exchange.send(body) }
    try await exchange.send(
      OpenAIStoredResponse(try await turns.turn(request.rest, of: exchange.caller), seal: seal).body())
  }
}
