import ArgumentParser
import AtelierCLI
import AtelierCore
import AtelierModels
import AtelierRuntime
import AtelierServer
import AtelierStore
import Foundation
import Logging
import ServiceLifecycle
import UnixSignals

struct ServeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(commandName: "serve", abstract: "Run the server in the foreground.")

  @Option(help: "Address to listen on.") var host: String?
  @Option(name: .shortAndLong, help: "Port to listen on.") var port: Int?
  @Option(help: "Unix socket to listen on instead of an address and a port.", completion: .file()) var socket: String?
  @Option(help: "PEM file of the TLS certificate and its chain.", completion: .file()) var tlsCert: String?
  @Option(help: "PEM file of the certificate's key.", completion: .file()) var tlsKey: String?
  @Flag(help: "Let web pages call the server.") var cors = false
  @Flag(help: "Every request needs an API token.") var requireAuth = false
  @Flag(help: "Do not load models on demand.") var noJit = false
  @Option(help: "Idle seconds before a model loaded on demand is unloaded.") var ttl: Int?
  @Option(help: "Folder of the models.") var models: String?
  @Option(name: .customLong("set"), help: "Any setting, as key=value; may be repeated.") var settings: [String] = []
  @Flag(help: "Listen beyond this machine without authentication.") var insecure = false
  @Flag(help: "Tool servers that requests bring may be on this machine and the local network.")
  var allowPrivateMcp = false
  @Option(help: "Least important log lines shown.") var logLevel: String?
  @Flag(help: "Log more.") var verbose = false
  @Flag(help: "Log warnings and errors only.") var quiet = false

  func validate() throws {
    if [verbose, quiet, logLevel != nil].filter(\.self).count > 1 {
      throw ValidationError("--verbose, --quiet and --log-level exclude each other.")
    }
  }

  /// The flags as settings; a later one wins over an earlier one of the same key.
  private func flags() throws -> [SettingsLoader.Flag] {
    var flags: [SettingsLoader.Flag] = []
    for assignment in settings {
      guard let equals = assignment.firstIndex(of: "=") else {
        throw ValidationError("--set wants key=value, not '\(assignment)'.")
      }
      flags.append(
        SettingsLoader.Flag(
          key: String(assignment[..<equals]), text: String(assignment[assignment.index(after: equals)...]),
          name: "--set"))
    }
    func add(_ key: String, _ text: String?, _ name: String) {
      if let text { flags.append(SettingsLoader.Flag(key: key, text: text, name: name)) }
    }
    add("host", host, "--host")
    add("port", port.map(String.init), "--port")
    add("socket", socket.map(Self.absolute), "--socket")
    add("tls.certificate", tlsCert.map(Self.absolute), "--tls-cert")
    add("tls.key", tlsKey.map(Self.absolute), "--tls-key")
    add("cors", cors ? "true" : nil, "--cors")
    add("require_auth", requireAuth ? "true" : nil, "--require-auth")
    add("jit.enabled", noJit ? "false" : nil, "--no-jit")
    add("jit.ttl_seconds", ttl.map(String.init), "--ttl")
    add("models_directory", models, "--models")
    add("mcp.allow_private_ephemeral", allowPrivateMcp ? "true" : nil, "--allow-private-mcp")
    add(
      "log.level", verbose ? "debug" : quiet ? "warning" : logLevel,
      verbose ? "--verbose" : quiet ? "--quiet" : "--log-level")
    return flags
  }

  private static func absolute(_ path: String) -> String { URL(fileURLWithPath: path).path(percentEncoded: false) }

  func run() async throws {
    let loader = SettingsLoader()
    let resolved = try loader.load(flags: flags())
    let settings = resolved.settings
    let level = Logger.Level(rawValue: settings.logLevel.rawValue) ?? .info
    LoggingSystem.bootstrap { label in
      var handler = StreamLogHandler.standardError(label: label)
      handler.logLevel = level
      return handler
    }
    let logger = Logger(label: "atelier")
    for name in loader.unknownVariables {
      logger.warning("Environment variable \(name) is no setting; it has no effect.")
    }
    try checkExposure(settings, logger)
    ProcessLimits.prepare()

    let directory = loader.directory
    try directory.create()
    let lock = try ServerLock(directory)
    defer { withExtendedLifetime(lock) {} }
    let authentication = AuthenticationSwitch(
      resolved, file: directory.settings, mustStayOn: settings.isExposed && !insecure, logger: logger
    )
    let assembly = try ServerAssembly(
      settings, directory: directory, environment: loader.environment, authentication: authentication, logger: logger)
    let server = assembly.server { port in await announce(port, settings, directory, assembly, logger) }
    let group = ServiceGroup(
      configuration: ServiceGroupConfiguration(
        services: [assembly.runtime, server, SecondSignal()], gracefulShutdownSignals: [.sigterm, .sigint],
        logger: Logger(label: "lifecycle") { _ in SwiftLogNoOpLogHandler() }))
    do { try await group.run() } catch let failure as HTTPServer.Failure {
      throw ServeFailure(failure, settings)
    }
  }

  private func checkExposure(_ settings: Settings, _ logger: Logger) throws {
    guard settings.isExposed else { return }
    if !settings.usesTLS {
      logger.warning("Listening on \(settings.host) without TLS: tokens and chats pass the network in plain text.")
    }
    guard !settings.requireAuthentication else { return }
    guard insecure else {
      throw ServeFailure(
        """
        Listening on \(settings.host) lets other machines use this server without a password. \
        Turn on require_auth, or add --insecure if that is what you want.
        """)
    }
    logger.warning("Listening on \(settings.host) without authentication: everyone who can reach it can use it.")
  }

  /// Tells people and command-line clients where the server is.
  private func announce(
    _ port: Int, _ settings: Settings, _ directory: DataDirectory, _ assembly: ServerAssembly, _ logger: Logger
  ) async {
    let host = ["0.0.0.0", "::"].contains(settings.host) ? "127.0.0.1" : settings.host
    var state = ServerState(host: host, port: port, processID: ProcessInfo.processInfo.processIdentifier)
    if !settings.socket.isEmpty { state.socket = settings.socket }
    if settings.usesTLS { state.certificate = settings.tlsCertificate }
    do { try state.write(to: directory) } catch {
      logger.warning("\(directory.serverState.path) cannot be written; commands will look for port 1234.")
    }
    let scheme = settings.usesTLS ? "https" : "http"
    let network = "\(scheme)://\(host.contains(":") ? "[\(host)]" : host):\(port)"
    let base = settings.socket.isEmpty ? network : "--unix-socket \(settings.socket) \(scheme)://localhost"
    var text = "Atelier is listening on \(settings.socket.isEmpty ? network : settings.socket)\n"
    if let model = await assembly.firstModel() {
      text += "Try it:\n  curl \(base)/api/v1/chat -d '{\"model\": \"\(model)\", \"input\": \"Say hello.\"}'\n"
    } else {
      text += "There is no model yet; put a GGUF file into \(assembly.modelsFolder.path)/<publisher>/<name>/.\n"
    }
    FileHandle.standardOutput.write(Data(text.utf8))
  }
}
