/// Every setting of the server, resolved. `SettingDefinition.all` is the table of their keys, ranges and meanings.
package struct Settings: Sendable, Hashable {
  package enum EvictionScope: String, Sendable, Hashable, CaseIterable { case type, all }
  package enum Guardrail: String, Sendable, Hashable, CaseIterable { case off, relaxed, balanced, strict }
  package enum LogLevel: String, Sendable, Hashable, CaseIterable { case trace, debug, info, notice, warning, error }

  package var host = "127.0.0.1"
  package var port = 1234
  /// Path of a Unix socket to listen on instead; empty: none.
  package var socket = ""
  /// Paths of PEM files; empty: no TLS.
  package var tlsCertificate = ""
  package var tlsKey = ""
  package var requireAuthentication = false
  package var allowedHosts: [String] = []
  package var cors = false
  package var corsOrigins: [String] = ["*"]

  package var mapClaudeNames = true
  package var jitEnabled = true
  package var jitAutoUnload = true
  package var jitTTLSeconds = 3600
  package var jitKeepLastOnly = true
  package var jitKeepLastScope = EvictionScope.type
  package var guardrail = Guardrail.balanced

  /// Empty: the models folder of the data folder.
  package var modelsDirectory = ""
  /// Further folders of models, read in place.
  package var modelRoots: [String] = []
  package var contextLength = 4096
  package var parallel = 4

  package var chatsMaxAgeDays = 30
  package var chatsMaxNodes = 10_000

  package var maxBodyBytes = 64 << 20
  package var maxBodiesBytes = 128 << 20
  package var headSeconds = 30
  package var bodyGapSeconds = 30
  package var idleSeconds = 75
  package var stallSeconds = 60
  package var maxConnections = 1024
  package var maxConnectionsPerAddress = 128
  package var maxFailedTokens = 20
  package var maxQueued = 64
  package var queueSeconds = 120
  package var drainSeconds = 25

  /// Deaths of a model's engine within a minute after which the model is refused for a minute.
  package var engineMaxDeaths = 3
  package var engineSilenceSeconds = 30
  package var engineLoadSeconds = 60

  /// `host:port` entries that outbound connections may go to although they are not public.
  package var egressAllow: [String] = []
  package var downloadsParallel = 3
  package var downloadsKeepFreeBytes = 1 << 30
  package var downloadsStallSeconds = 60

  package var mcpAllowEphemeral = false
  package var mcpAllowPlugins = false
  package var mcpAllowPrivateEphemeral = false
  package var mcpCallSeconds = 60
  package var mcpRequestSeconds = 600
  package var mcpMaxRounds = 25
  package var mcpIdleSeconds = 600

  package var logLevel = LogLevel.info

  package init() {}
}
