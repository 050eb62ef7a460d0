import AtelierAPI
import AtelierCore
import AtelierRuntime

/// `GET /api/v1/models`.
struct LMStudioV1ModelList: RouteHandler {
  let models: any ModelManaging

  func handle(_ request: ServerRequest, _ exchange: Exchange) async throws {
    let onDisk = await models.models()
    let instances = await models.instances()
    try await exchange.send(LMStudioV1Models.body(models: onDisk, instances: instances))
  }
}

/// `POST /api/v1/models/load`. Goes on when the client leaves: the next request will want the model.
struct LMStudioV1ModelLoad: RouteHandler {
  let models: any ModelManaging
  let body: BodyReader

  func handle(_ request: ServerRequest, _ exchange: Exchange) async throws {
    let command = try LMStudioV1Load.decode(try await body.readJSON(request.request, exchange))
    let instance = try await models.load(command.request)
    try await exchange.send(LMStudioV1Load.body(of: instance, wantsEcho: command.wantsEcho))
  }
}

/// `POST /api/v1/models/unload`.
struct LMStudioV1ModelUnload: RouteHandler {
  let models: any ModelManaging
  let body: BodyReader

  func handle(_ request: ServerRequest, _ exchange: Exchange) async throws {
    let id = try LMStudioV1Unload.decode(try await body.readJSON(request.request, exchange))
    try await models.unload(instanceID: id)
    try await exchange.send(LMStudioV1Unload.body(instanceID: id))
  }
}
