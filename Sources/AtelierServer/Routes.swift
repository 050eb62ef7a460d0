import AtelierAPI
import AtelierCore
import AtelierModels
import AtelierRuntime
import HTTPTypes
import Logging

/// What the routes call.
package struct ServerServices: Sendable {
  package var generation: any GenerationServing
  package var models: any ModelManaging
  package var downloads: any DownloadManaging
  package var chats: any ChatManaging
  package var turns: any StoredTurns
  /// Marks what clients are given to keep.
  package var sealKey: [UInt8]
  package var authorizer: any Authorizer

  package init(
    generation: any GenerationServing, models: any ModelManaging, downloads: any DownloadManaging,
    chats: any ChatManaging, turns: any StoredTurns, sealKey: [UInt8], authorizer: any Authorizer = OpenAuthorizer()
  ) {
    self.generation = generation
    self.models = models
    self.chats = chats
    self.downloads = downloads
    self.turns = turns
    self.sealKey = sealKey
    self.authorizer = authorizer
  }
}

extension RouteTable {
  /// Every path of the server.
  static func all(_ services: ServerServices, settings: Settings, version: String) -> RouteTable {
    let body = BodyReader(ServerLimits(settings))
    let feed = PredictionFeed()
    let generation: any GenerationServing = ObservedGeneration(services.generation, feed: feed)
    let messages: any GenerationServing =
      settings.mapClaudeNames ? ClaudeModelMapping(generation, models: services.models) : generation
    let legacyModels = LMStudioV0ModelController(models: services.models, includesUnloaded: settings.jitEnabled)
    let openAIModels = OpenAIModelController(models: services.models, includesUnloaded: settings.jitEnabled)
    let downloadStatus = DownloadStatusController(downloads: services.downloads)
    let downloadJobs = DownloadJobsController(downloads: services.downloads)
    let modelCatalog = ModelCatalogController(downloads: services.downloads)
    let rerank = RerankController(generation: generation, body: body)
    let (turns, seal, running) = (services.turns, ReasoningSeal(key: services.sealKey), RunningAnswers())
    let references = ResponsesReferences(turns: turns, seal: seal)
    return RouteTable([
      Route(.get, "/", .open, FixedAnswer(value: ServerRoot.body(version: version))),
      Route(.get, "/lmstudio-greeting", .open, FixedAnswer(value: ServerRoot.greeting)),

      Route(
        .post, "/api/v1/chat", .inference,
        GenerationRoute(
          LMStudioV1Chat.self, generation: generation, body: body, eventStreamType: "text/event-stream")),
      Route(.get, "/api/v1/models", .modelsRead, LMStudioV1ModelList(models: services.models)),
      Route(.post, "/api/v1/models/load", .modelsLoad, LMStudioV1ModelLoad(models: services.models, body: body)),
      Route(.post, "/api/v1/models/unload", .modelsLoad, LMStudioV1ModelUnload(models: services.models, body: body)),

      Route(
        .post, "/api/v1/models/download", .modelsDownload,
        DownloadController(downloads: services.downloads, body: body)),
      Route(.get, "/api/v1/models/download/status", .modelsRead, downloadStatus),
      Route(.get, "/api/v1/models/download/status/*", .modelsRead, downloadStatus),

      Route(.get, "/api/v0/models", .modelsRead, legacyModels),
      Route(.get, "/api/v0/models/*", .modelsRead, legacyModels),
      Route(
        .post, "/api/v0/chat/completions", .inference,
        GenerationRoute(LMStudioV0Chat.self, generation: generation, body: body)),
      Route(
        .post, "/api/v0/completions", .inference,
        GenerationRoute(LMStudioV0Completions.self, generation: generation, body: body)),
      Route(
        .post, "/api/v0/embeddings", .inference,
        EmbeddingController(generation: generation, body: body, render: LMStudioV0Embeddings.body)),

      Route(
        .post, "/v1/messages", .inference,
        GenerationRoute(AnthropicMessages.self, generation: messages, body: body)),
      Route(
        .post, "/v1/messages/count_tokens", .inference, AnthropicCountTokensController(generation: messages, body: body)
      ),

      Route(
        .post, "/v1/chat/completions", .inference,
        GenerationRoute(OpenAIChat.self, generation: generation, body: body)),
      Route(
        .post, "/v1/responses", .inference,
        ResponsesRoute(
          route: GenerationRoute(
            OpenAIResponses.self, generation: generation, body: body, seal: seal, running: running),
          references: references)
      ),
      Route(
        .post, "/v1/responses/input_tokens", .inference,
        ResponsesInputTokensController(generation: generation, body: body, references: references)),
      Route(.get, "/v1/responses/*", .inference, StoredResponseController(turns: turns, seal: seal)),
      Route(.delete, "/v1/responses/*", .inference, DeleteResponseController(turns: turns)),
      Route(
        .get, "/v1/responses/*/input_items", .inference, ResponseInputItemsController(turns: turns, seal: seal)),
      Route(
        .post, "/v1/responses/*/cancel", .inference,
        CancelResponseController(turns: turns, seal: seal, running: running)),
      Route(
        .post, "/v1/completions", .inference,
        GenerationRoute(OpenAICompletions.self, generation: generation, body: body)),
      Route(
        .post, "/v1/embeddings", .inference,
        EmbeddingController(generation: generation, body: body, render: OpenAIEmbeddings.body)),
      Route(.post, "/v1/rerank", .inference, rerank),
      // Where Cohere's own client asks; it knows no other path.
      Route(.post, "/v2/rerank", .inference, rerank),
      Route(.get, "/v1/models", .modelsRead, openAIModels),
      Route(.get, "/v1/models/*", .modelsRead, openAIModels),

      Route(.get, "/atelier/instances", .modelsRead, InstanceStatesController(models: services.models)),
      Route(.get, "/atelier/downloads", .modelsRead, downloadJobs),
      Route(.get, "/atelier/downloads/*", .modelsRead, downloadJobs),
      Route(
        .post, "/atelier/downloads/*", .modelsDownload, DownloadSteeringController(downloads: services.downloads)),
      Route(.get, "/atelier/catalog", .modelsDownload, modelCatalog),
      Route(.get, "/atelier/catalog/*", .modelsDownload, modelCatalog),
      Route(.get, "/atelier/models", .modelsRead, ModelFilesController(models: services.models)),
      Route(
        .delete, "/atelier/models/*", .modelsDownload,
        ModelDeletionController(models: services.models, downloads: services.downloads)),
      Route(
        .get, "/atelier/log", .promptsRead,
        PredictionLogController(
          feed: feed, isLocal: !settings.isExposed)),
      Route(.get, "/atelier/runtimes", .modelsRead, FixedAnswer(value: Runtimes.body(version: version))),
      Route(.post, "/atelier/estimate", .modelsRead, LoadEstimateController(models: services.models, body: body)),
      Route(.get, "/atelier/chats", .inference, ChatListController(chats: services.chats)),
      Route(.get, "/atelier/chats/*", .inference, ChatExportController(chats: services.chats)),
      Route(.delete, "/atelier/chats/*", .inference, ChatDeletionController(chats: services.chats)),
    ])
  }
}

extension ServerResponder {
  package init(_ services: ServerServices, settings: Settings, version: String, logger: Logger) {
    self.init(
      routes: .all(services, settings: settings, version: version),
      hosts: HostPolicy(host: settings.host, allowed: settings.allowedHosts),
      origins: OriginPolicy(
        enabled: settings.cors, origins: settings.corsOrigins, isSecure: settings.usesTLS),
      authorizer: services.authorizer,
      logger: logger)
  }
}
