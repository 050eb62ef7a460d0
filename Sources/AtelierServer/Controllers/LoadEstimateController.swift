import AtelierAPI
import AtelierCore
import AtelierRuntime

/// `POST /atelier/estimate`: the body of a load, and what it would take.
struct LoadEstimateController: RouteHandler {
  let models: any ModelManaging
  let body: BodyReader

  func handle(_ request: ServerRequest, _ exchange: Exchange) async throws {
    let command = try LMStudioV1Load.decode(try await body.readJSON(request.request, exchange))
    try await exchange.send(LoadEstimates.body(try await models.estimate(command.request)))
  }
}
