/// What a token must allow for a route (native.md 3.9).
package enum Access: Sendable, Hashable {
  /// Needs no token even when authentication is on.
  case open
  case inference
  case modelsRead
  case modelsLoad
  case modelsDownload
  /// Everybody's prompts and answers: no permission of an ordinary token.
  case promptsRead
  /// Any valid token: what an unknown path needs, so that a stranger cannot map the routes.
  case anyToken

  /// Also reading does something that a web page must not cause or see: it reaches out to the hub, or shows prompts.
  var readingActs: Bool { self == .modelsDownload || self == .promptsRead }
}
