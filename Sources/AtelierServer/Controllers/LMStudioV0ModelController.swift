import AtelierAPI
import AtelierCore
import AtelierRuntime

/// `GET /api/v0/models` and `GET /api/v0/models/{id}`; ids may hold slashes, raw or escaped.
struct LMStudioV0ModelController: RouteHandler {
  let models: any ModelManaging
  /// Models load on demand, so those on disk are listed too.
  let includesUnloaded: Bool

  func handle(_ request: ServerRequest, _ exchange: Exchange) async throws {
    let list = LMStudioV0Models(
      models: await models.models(), instances: await models.instances(), includesUnloaded: includesUnloaded)
    try await exchange.send(request.rest.isEmpty ? list.list() : try list.model(request.rest))
  }
}
