import AtelierAPI
import AtelierCore
import AtelierRuntime

/// `GET /atelier/instances`, for the command line.
struct InstanceStatesController: RouteHandler {
  let models: any ModelManaging

  func handle(_ request: ServerRequest, _ exchange: Exchange) async throws {
    try await exchange.send(InstanceStates.body(await models.instances()))
  }
}
