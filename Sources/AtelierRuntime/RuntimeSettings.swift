import AtelierCore

/// What the runtime takes from the server's settings; may change while it runs and then holds for what begins afterwards.
package struct RuntimeSettings: Sendable, Hashable {
  package var jitEnabled: Bool
  /// Seconds an instance loaded just in time may be idle; nil: stays.
  package var jitTimeToLive: Int?
  package var jitKeepLastOnly: Bool
  package var jitKeepLastScope: Settings.EvictionScope
  /// Tokens, when neither the request nor the model says otherwise; cut to the model's maximum.
  package var contextLength: Int
  package var parallel: Int
  /// Requests that wait for one load, and then for their turn at one model, at most.
  package var maxWaiting: Int
  /// Seconds a request waits at most for its load to begin, and then for its turn.
  package var queueSeconds: Int
  package var guardrail: Settings.Guardrail
  /// Deaths of a model's engine within a minute after which the model is refused for a minute.
  package var maxDeaths: Int

  package init(_ settings: Settings = Settings()) {
    jitEnabled = settings.jitEnabled
    jitTimeToLive = settings.jitAutoUnload ? settings.jitTTLSeconds : nil
    jitKeepLastOnly = settings.jitKeepLastOnly
    jitKeepLastScope = settings.jitKeepLastScope
    contextLength = settings.contextLength
    parallel = settings.parallel
    maxWaiting = settings.maxQueued
    queueSeconds = settings.queueSeconds
    guardrail = settings.guardrail
    maxDeaths = settings.engineMaxDeaths
  }
}
