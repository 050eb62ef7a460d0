import AtelierAPI
import AtelierCore
import AtelierRuntime
import HTTPTypes
import HummingbirdCore

/// `GET /v1/models` and `GET /v1/models/{id}`; ids may hold slashes, raw or escaped.
struct OpenAIModelController: RouteHandler {
  let models: any ModelManaging
  /// Models load on demand, so those on disk are listed too.
  let includesUnloaded: Bool

  func handle(_ request: ServerRequest, _ exchange: Exchange) async throws {
    let headers = request.request.headers
    let list = OpenAIModels(
      models: await models.models(), instances: await models.instances(), includesUnloaded: includesUnloaded,
      hasAnthropicFields: headers[.apiKey] != nil || headers[.anthropicVersion] != nil)
    try await exchange.send(request.rest.isEmpty ? list.list() : try list.model(request.rest))
  }
}

extension HTTPField.Name {
  static let anthropicVersion = HTTPField.Name("anthropic-version")!
}
