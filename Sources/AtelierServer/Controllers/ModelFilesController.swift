import AtelierAPI
import AtelierCore
import AtelierModels
import AtelierRuntime

/// `GET /atelier/models`, for the command line.
struct ModelFilesController: RouteHandler {
  let models: any ModelManaging

  func handle(_ request: ServerRequest, _ exchange: Exchange) async throws {
    try await exchange.send(ModelFiles.body(await models.models()))
  }
}

/// `DELETE /atelier/models/{key}`, also `{key}@{quantization}`. Refused while the model is loaded, unless `?force=true`,
/// which unloads it first. A load that begins in between keeps its open files, so it does no harm.
struct ModelDeletionController: RouteHandler {
  let models: any ModelManaging
  let downloads: any DownloadManaging

  func handle(_ request: ServerRequest, _ exchange: Exchange) async throws {
    let isForced = try request.query.boolean("force", default: false)
    let planned = try await downloads.deletion(of: request.rest)
    let loaded = await models.instances().filter { $0.modelKey == planned.modelKey }.map(\.id)
    if !loaded.isEmpty, !isForced {
      throw AtelierError(
        .modelInUse, "'\(planned.modelKey)' is loaded; unload it first, or delete with force.", param: "model")
    }
    for id in loaded { try await unload(id) }
    try await exchange.send(ModelFiles.deleted(try await downloads.delete(request.rest), unloaded: loaded))
  }

  private func unload(_ id: String) async throws(AtelierError) {
    do { try await models.unload(instanceID: id) } catch {
      // It has gone by itself.
      guard error.code == .modelNotFound else { throw error }
    }
  }
}
