/// One row of the settings table: its key, what it takes, what it means, and its place in `Settings`.
package struct SettingDefinition: Sendable {
  /// Dotted: `jit.ttl_seconds`. In the environment `ATELIER_JIT_TTL_SECONDS`.
  package let key: String
  package let kind: SettingKind
  package let summary: String
  package let read: @Sendable (Settings) -> JSONValue
  /// Takes a value that `kind` has checked.
  package let write: @Sendable (inout Settings, JSONValue) -> Void

  package var builtIn: JSONValue { read(Settings()) }

  package static func named(_ key: String) -> SettingDefinition? { all.first { $0.key == key } }
}

extension SettingDefinition {
  private typealias Place<Value> = any WritableKeyPath<Settings, Value> & Sendable

  private static func boolean(_ key: String, _ place: Place<Bool>, _ summary: String) -> Self {
    Self(
      key: key, kind: .boolean, summary: summary, read: { .bool($0[keyPath: place]) },
      write: { if let value = $1.boolValue { $0[keyPath: place] = value } })
  }

  private static func integer(_ key: String, _ place: Place<Int>, _ range: ClosedRange<Int>, _ summary: String) -> Self
  {
    Self(
      key: key, kind: .integer(range), summary: summary, read: { .integer(Int64($0[keyPath: place])) },
      write: { if let value = $1.integerValue { $0[keyPath: place] = value } })
  }

  private static func text(_ key: String, _ place: Place<String>, _ summary: String) -> Self {
    Self(
      key: key, kind: .text, summary: summary, read: { .string($0[keyPath: place]) },
      write: { if let value = $1.stringValue { $0[keyPath: place] = value } })
  }

  private static func list(_ key: String, _ place: Place<[String]>, _ summary: String) -> Self {
    Self(
      key: key, kind: .list, summary: summary, read: { .array($0[keyPath: place].map(JSONValue.string)) },
      write: { if let values = $1.arrayValue { $0[keyPath: place] = values.compactMap(\.stringValue) } })
  }

  private static func choice<Value: RawRepresentable<String> & CaseIterable & Sendable>(
    _ key: String, _ place: Place<Value>, _ summary: String
  ) -> Self {
    Self(
      key: key, kind: .choice(Value.allCases.map(\.rawValue)), summary: summary,
      read: { .string($0[keyPath: place].rawValue) },
      write: { if let value = $1.stringValue.flatMap(Value.init(rawValue:)) { $0[keyPath: place] = value } })
  }

  /// The whole table, in the order `config list` shows it.
  package static let all: [SettingDefinition] = [
    text("host", \.host, "Address to listen on; 0.0.0.0 serves the local network."),
    integer("port", \.port, 0...65535, "Port to listen on; 0 takes a free one."),
    text("socket", \.socket, "Unix socket to listen on instead of host and port; its owner alone may use it."),
    text(
      "tls.certificate", \.tlsCertificate,
      "PEM file of the certificate and its chain; turns TLS on. Followed when it changes."),
    text("tls.key", \.tlsKey, "PEM file of the certificate's key, not encrypted."),
    boolean(
      "require_auth", \.requireAuthentication,
      "Every request needs an API token. A running server follows settings.json."),
    list("allowed_hosts", \.allowedHosts, "Further names a request's Host header may carry."),
    boolean("cors", \.cors, "Let web pages of cors_origins call the server."),
    list("cors_origins", \.corsOrigins, "Origins allowed when cors is on; * is any."),
    boolean(
      "map_claude_names", \.mapClaudeNames,
      "On the Anthropic endpoints, answer claude-* names that no model has with the model in use."),
    boolean("jit.enabled", \.jitEnabled, "Load a model when a request names it."),
    boolean("jit.auto_unload", \.jitAutoUnload, "Unload models loaded by a request after jit.ttl_seconds of idleness."),
    integer("jit.ttl_seconds", \.jitTTLSeconds, 1...31_536_000, "Idle seconds before such a model is unloaded."),
    boolean("jit.keep_last_only", \.jitKeepLastOnly, "Loading one by request unloads the one loaded before."),
    choice(
      "jit.keep_last_scope", \.jitKeepLastScope,
      "Whether language and embedding models count apart (type) or together (all)."),
    choice("guardrail", \.guardrail, "How much free memory a load must leave."),
    text("models_directory", \.modelsDirectory, "Folder of the models; empty is models in the data folder."),
    list(
      "models.roots", \.modelRoots,
      "Further folders whose models are used in place: LM Studio's, a Hugging Face cache, an Ollama store."),
    integer(
      "load.context_length", \.contextLength, 1...16_777_216,
      "Context of a load that names none, at most the model's own, in tokens."),
    integer("load.parallel", \.parallel, 1...64, "Requests one loaded model answers at the same time."),
    integer("chats.max_age_days", \.chatsMaxAgeDays, 1...36_500, "Stored chats older than this are removed."),
    integer("chats.max_nodes", \.chatsMaxNodes, 1...100_000_000, "Stored turns kept at most, oldest removed first."),
    integer("limits.body_bytes", \.maxBodyBytes, 1024...1 << 30, "Largest request body."),
    integer(
      "limits.bodies_bytes", \.maxBodiesBytes, 1024...1 << 40,
      "Bodies of all requests that are being answered, together; at least limits.body_bytes."),
    integer("limits.head_seconds", \.headSeconds, 1...3600, "Longest time for the head of a request to arrive."),
    integer("limits.body_gap_seconds", \.bodyGapSeconds, 1...3600, "Longest pause within a request body."),
    integer("limits.idle_seconds", \.idleSeconds, 1...86_400, "Idle connections are closed after this."),
    integer(
      "limits.stall_seconds", \.stallSeconds, 1...3600,
      "A client that reads nothing of its answer for this long is cut off."),
    integer("limits.connections", \.maxConnections, 1...65_536, "Open connections at most."),
    integer(
      "limits.connections_per_address", \.maxConnectionsPerAddress, 1...65_536,
      "Open connections from one other machine at most."),
    integer(
      "limits.failed_tokens", \.maxFailedTokens, 1...1_000_000,
      "Wrong API tokens a minute from one address before it is turned away; right ones are always taken."),
    integer("limits.queue", \.maxQueued, 0...65_536, "Requests waiting for one loaded model at most."),
    integer("limits.queue_seconds", \.queueSeconds, 1...86_400, "Longest wait in that queue."),
    integer(
      "limits.drain_seconds", \.drainSeconds, 0...3600, "Running answers may take this long when the server stops."),
    integer(
      "engine.max_deaths", \.engineMaxDeaths, 1...100_000,
      "A model whose engine died so often within a minute is refused for a minute."),
    integer(
      "engine.silence_seconds", \.engineSilenceSeconds, 1...3600,
      "An engine that should compute and gives no sign of life for this long is ended."),
    integer(
      "engine.load_seconds", \.engineLoadSeconds, 1...86_400,
      "A load that makes no progress for this long is given up."),
    list(
      "egress_allow", \.egressAllow,
      "host:port entries that per-request tool servers and redirects may lead to although they are not public."),
    integer("downloads.parallel", \.downloadsParallel, 1...16, "Downloads that run at the same time."),
    integer(
      "downloads.keep_free_bytes", \.downloadsKeepFreeBytes, 0...Int(Int64.max >> 1),
      "Disk space that downloads leave free."),
    integer(
      "downloads.stall_seconds", \.downloadsStallSeconds, 1...3600,
      "A download without progress for this long connects anew."),
    boolean("mcp.allow_ephemeral", \.mcpAllowEphemeral, "Requests may bring remote MCP servers of their own."),
    boolean(
      "mcp.allow_plugins", \.mcpAllowPlugins, "Requests may use the servers of mcp.json; needs require_auth as well."),
    boolean(
      "mcp.allow_private_ephemeral", \.mcpAllowPrivateEphemeral,
      "Servers that requests bring may have addresses of this machine and the local network."),
    integer("mcp.call_seconds", \.mcpCallSeconds, 1...3600, "Longest tool call without a sign of progress."),
    integer(
      "mcp.request_seconds", \.mcpRequestSeconds, 1...86_400,
      "After this long in one request the model has to answer without further tool calls."),
    integer("mcp.max_rounds", \.mcpMaxRounds, 1...1000, "Rounds of tool calls in one request at most."),
    integer("mcp.idle_seconds", \.mcpIdleSeconds, 1...86_400, "Servers of mcp.json are stopped after this idleness."),
    choice("log.level", \.logLevel, "Least important log lines shown."),
  ]
}
