import AtelierCore

/// Finds the newest revision that a server and we share. Pure: it says what to send and is told what came.
///
/// `server/discover` first, because only a server of the stateless era answers it as that era's schema says; whatever else
/// happens to it, but for a connection that fails, means `initialize`. The one refusal that names stateless versions only,
/// none of them ours, is final. A server that was slow to start may answer the question after we gave up on it, and then
/// refuses the handshake with the same code: it is asked once more.
struct EraNegotiation: Sendable {
  enum Step: Sendable, Hashable {
    case discover(ProtocolVersion)
    case initialize(ProtocolVersion)
    case settled(ServerDescription)
    case failed(MCPError)
  }

  private enum State {
    case discovering(ProtocolVersion)
    case initializing
  }

  private var state: State
  /// One more question after a refusal, and no further.
  private var mayAskAgain = true

  /// `era`: what is known of the server from before; the stateless one when nothing is.
  init(startingWith era: ProtocolVersion.Era) {
    state = era == .stateless ? .discovering(.newestStateless) : .initializing
  }

  var first: Step {
    switch state {
    case .discovering(let version): .discover(version)
    case .initializing: .initialize(.newestHandshake)
    }
  }

  mutating func answered(_ result: JSONObject) -> Step {
    switch state {
    case .discovering:
      let versions = result["supportedVersions"]?.arrayValue?.compactMap(\.stringValue) ?? []
      guard let version = ProtocolVersion.newest(of: .stateless, among: versions) else { return initialize() }
      return .settled(ServerDescription(version: version, discovered: result))
    case .initializing:
      let name = result["protocolVersion"]?.stringValue ?? ""
      guard let version = ProtocolVersion(rawValue: name), version.era == .handshake else {
        return .failed(
          MCPError(
            .unsupportedVersion,
            "The server speaks version '\(PlainText.line(name, limit: 40))' of MCP, which is not supported"))
      }
      return .settled(ServerDescription(version: version, initialized: result))
    }
  }

  mutating func refused(_ error: MCPError) -> Step {
    switch (state, error.kind) {
    case (.discovering, .rpc(let failure)):
      if let step = askAgain(failure) { return step }
      if let versions = failure.supportedVersions, ProtocolVersion.newest(of: .handshake, among: versions) == nil {
        let names = versions.prefix(8).map { PlainText.line($0, limit: 40) }.joined(separator: ", ")
        return .failed(
          MCPError(.unsupportedVersion, "The server speaks only versions of MCP that are not supported: \(names)"))
      }
      return initialize()
    case (.discovering, .http), (.discovering, .malformed), (.discovering, .timedOut), (.discovering, .sessionLost),
      (.discovering, .tooLarge):
      return initialize()
    case (.initializing, .rpc(let failure)): return askAgain(failure) ?? .failed(error)
    default: return .failed(error)
    }
  }

  private mutating func initialize() -> Step {
    state = .initializing
    return .initialize(.newestHandshake)
  }

  private mutating func askAgain(_ failure: RPCFailure) -> Step? {
    guard mayAskAgain, let versions = failure.supportedVersions,
      let version = ProtocolVersion.newest(of: .stateless, among: versions)
    else { return nil }
    mayAskAgain = false
    state = .discovering(version)
    return .discover(version)
  }
}
