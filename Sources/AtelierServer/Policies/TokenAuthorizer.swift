import AtelierAccess
import AtelierCore
import Synchronization

/// Authentication is on: every route but the open ones needs a token that allows it.
package final class TokenAuthorizer: Authorizer {
  private let tokens: TokenStore
  private let clock: any RuntimeClock
  private let throttle: Mutex<FailureThrottle>

  /// `failures`: wrong tokens a minute that one address may send.
  package init(_ tokens: TokenStore, failures: Int, clock: any RuntimeClock = SystemClock()) {
    self.tokens = tokens
    self.clock = clock
    throttle = Mutex(FailureThrottle(limit: failures))
  }

  package func authorize(_ credentials: Credentials, for access: Access) throws(AtelierError) -> Caller {
    guard access != .open else { return Caller(permissions: .nothing) }
    guard let first = credentials.tokens.first else {
      throw AtelierError(
        .invalidAPIKey, "An LM Studio API token is required. Send it as 'Authorization: Bearer <token>'.")
    }
    // All of them before anything is refused: the right token works from wherever it comes.
    for text in credentials.tokens {
      guard let token = APIToken(text),
        case .valid(let record) = tokens.verdict(on: token, now: clock.wallMilliseconds)
      else { continue }
      if let missing = access.missingPermission(in: record.permissions) {
        throw AtelierError(.permissionDenied, "Permission denied: this API token does not allow '\(missing)'.")
      }
      return Caller(tokenID: record.id, permissions: record.permissions)
    }
    if let seconds = throttle.withLock({ $0.failed(from: credentials.address ?? "", now: clock.now) }) {
      throw AtelierError(
        .tooManyAttempts, "Too many wrong API tokens came from this address. Wait before sending another.",
        retryAfter: seconds)
    }
    throw refusal(of: first)
  }

  private func refusal(of text: Secret) -> AtelierError {
    guard let token = APIToken(text) else {
      return AtelierError(
        .invalidAPIKey,
        "Malformed LM Studio API token provided: \(APIToken.excerpt(of: text)). A token has the form 'sk-lm-<id>:<secret>'."
      )
    }
    if tokens.verdict(on: token, now: clock.wallMilliseconds) == .expired {
      return AtelierError(.invalidAPIKey, "Invalid API token provided. It has expired.")
    }
    return AtelierError(.invalidAPIKey, "Invalid API token provided.")
  }
}

extension Access {
  /// The name of what the route needs and the permissions lack; nil when they suffice.
  func missingPermission(in permissions: Permissions) -> String? {
    switch self {
    case .open, .anyToken: nil
    case .inference: permissions.inference ? nil : "inference"
    case .modelsRead: permissions.modelsRead ? nil : "models.read"
    case .modelsLoad: permissions.modelsLoad ? nil : "models.load"
    case .modelsDownload: permissions.modelsDownload ? nil : "models.download"
    case .promptsRead: permissions.allChats ? nil : "chats.all"
    }
  }
}
