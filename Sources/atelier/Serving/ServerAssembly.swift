import AtelierAccess
import AtelierCore
import AtelierEgress
import AtelierMCP
import AtelierModels
import AtelierRuntime
import AtelierServer
import AtelierStore
import Foundation
import Logging

/// The parts of the server, put together from the settings.
struct ServerAssembly: Sendable {
  let modelsFolder: URL
  let runtime: RuntimeService
  private let catalog: ModelCatalog
  private let registry: ModelRegistry
  private let generation: GenerationService
  private let downloads: DownloadManager
  private let chats: ChatLibrary
  private let sealKey: [UInt8]
  private let authorizer: any Authorizer
  private let certificate: TLSCertificate?
  private let settings: Settings
  private let logger: Logger

  init(
    _ settings: Settings, directory: DataDirectory, environment: [String: String],
    authentication: AuthenticationSwitch, logger: Logger
  ) throws {
    self.settings = settings
    self.logger = logger
    modelsFolder =
      settings.modelsDirectory.isEmpty
      ? directory.models : URL(fileURLWithPath: settings.modelsDirectory, isDirectory: true)
    guard let worker = environment["ATELIER_WORKER"] ?? WorkerExecutable.beside(),
      FileManager.default.isExecutableFile(atPath: worker)
    else { throw ServeFailure("atelier-worker is missing; it belongs beside the atelier binary.") }
    catalog = ModelCatalog(
      roots: [modelsFolder] + Self.furtherRoots(settings, environment: environment),
      defaultsFile: directory.modelDefaults, virtualFolder: directory.virtualModels,
      memoryBudget: MemoryGuardrail.systemTotalBytes().map { $0 / 10 * 8 })
    let modelLogger = Logger(label: "models")
    registry = ModelRegistry(
      source: CatalogSource(catalog, logger: modelLogger),
      launcher: WorkerLauncher(
        executable: worker, timing: WorkerTiming(settings),
        logger: Logger(label: "worker")),
      settings: RuntimeSettings(settings), logger: modelLogger)
    downloads = try Self.downloads(
      settings, directory: directory, models: modelsFolder, catalog: catalog, environment: environment, logger: logger)
    let store = try ConversationStore(at: directory.database)
    sealKey = try SealKeyFile.load(at: directory.sealKey)
    certificate = try Self.certificate(settings, logger)
    authorizer = Self.authorizer(settings, directory: directory, authentication, logger)
    let (plugins, tools) = Self.tools(settings, directory: directory, environment: environment, logger: logger)
    generation = GenerationService(registry: registry, store: store, tools: tools)
    chats = ChatLibrary(store: store)
    runtime = RuntimeService(
      registry: registry, store: store, downloads: downloads, plugins: plugins,
      retention: RetentionPolicy(maxAgeDays: settings.chatsMaxAgeDays, maxNodes: settings.chatsMaxNodes),
      logger: Logger(label: "runtime"))
  }

  private static func certificate(_ settings: Settings, _ logger: Logger) throws -> TLSCertificate? {
    guard !settings.tlsCertificate.isEmpty || !settings.tlsKey.isEmpty else { return nil }
    guard !settings.tlsCertificate.isEmpty, !settings.tlsKey.isEmpty else {
      throw ServeFailure("TLS needs both tls.certificate and tls.key.")
    }
    do {
      return try TLSCertificate(certificate: settings.tlsCertificate, key: settings.tlsKey) { problem in
        if let problem {
          logger.error("The TLS certificate stays as it was. \(problem)")
        } else {
          logger.notice("New connections get the new TLS certificate.")
        }
      }
    } catch { throw ServeFailure(error.description) }
  }

  private static func authorizer(
    _ settings: Settings, directory: DataDirectory, _ authentication: AuthenticationSwitch, _ logger: Logger
  ) -> any Authorizer {
    let tokens = TokenStore(at: directory.tokens, use: TokenUse(at: directory.tokenUse)) { logger.error("\($0)") }
    return SwitchedAuthorizer(TokenAuthorizer(tokens, failures: settings.maxFailedTokens)) { authentication.isOn }
  }

  /// `~` is the home folder, as people write it in settings.
  private static func furtherRoots(_ settings: Settings, environment: [String: String]) -> [URL] {
    settings.modelRoots.map { path in
      let home = path == "~" || path.hasPrefix("~/") ? environment["HOME"] : nil
      return URL(fileURLWithPath: home.map { $0 + path.dropFirst() } ?? path, isDirectory: true)
    }
  }

  private static func downloads(
    _ settings: Settings, directory: DataDirectory, models: URL, catalog: ModelCatalog, environment: [String: String],
    logger: Logger
  ) throws -> DownloadManager {
    guard let endpoint = HubEndpoint(environment: environment) else {
      throw ServeFailure("HF_ENDPOINT must be a URL such as https://huggingface.co.")
    }
    let policy = AddressPolicy(allowing: settings.egressAllow)
    let entries = DownloadCatalog(contentsOf: directory.catalog)
    for problem in policy.problems { logger.warning("egress_allow: '\(problem)' is no host:port; it allows nothing.") }
    for problem in entries.problems { logger.warning("catalog.json: \(problem)") }
    let egress = Egress(policy: policy, proxies: ProxySettings(environment: environment))
    var options = DownloadManager.Options()
    options.parallel = settings.downloadsParallel
    options.keepFree = Int64(settings.downloadsKeepFreeBytes)
    return DownloadManager(
      hub: HubClient(endpoint, egress: egress, stall: .seconds(settings.downloadsStallSeconds)), models: models,
      journal: directory.downloads, catalog: catalog, entries: entries, options: options)
  }

  private static func tools(
    _ settings: Settings, directory: DataDirectory, environment: [String: String], logger: Logger
  ) -> (PluginManager, ToolSupport) {
    if settings.mcpAllowPlugins, !settings.requireAuthentication {
      logger.warning(
        "mcp.allow_plugins has no effect while require_auth is off: nobody may use the servers of mcp.json.")
    }
    let logger = Logger(label: "mcp")
    var limits = MCPLimits()
    limits.call = .seconds(settings.mcpCallSeconds)
    limits.longestCall = max(limits.call, .seconds(settings.mcpRequestSeconds))
    let connector = MCPConnector(
      egress: Egress(
        policy: AddressPolicy(allowing: settings.egressAllow), proxies: ProxySettings(environment: environment)),
      identity: ClientIdentity(version: Version.text), limits: limits, environment: environment, logger: logger)
    let plugins = PluginManager(
      file: MCPConfigurationFile(directory.mcp), connector: connector, idleLimit: .seconds(settings.mcpIdleSeconds),
      logger: logger)
    let source = MCPToolSource(
      plugins: plugins, connector: connector, allowsPrivateAddresses: settings.mcpAllowPrivateEphemeral, logger: logger)
    return (
      plugins, ToolSupport(source: source, policy: IntegrationPolicy(settings), limits: ToolLoopLimits(settings))
    )
  }

  func server(onListening: @escaping @Sendable (Int) async -> Void) -> HTTPServer {
    let services = ServerServices(
      generation: generation, models: registry, downloads: downloads, chats: chats, turns: generation,
      sealKey: sealKey, authorizer: authorizer)
    return HTTPServer(
      ServerResponder(services, settings: settings, version: Version.text, logger: Logger(label: "http")),
      host: settings.host, port: settings.port, socket: settings.socket.isEmpty ? nil : settings.socket,
      certificate: certificate, limits: ServerLimits(settings), logger: Logger(label: "hummingbird"),
      onListening: onListening, endRequests: { [registry] in await registry.shutdown() })
  }

  /// A language model to show in the greeting.
  func firstModel() async -> String? { await catalog.models().first { $0.kind == .llm }?.key }
}
