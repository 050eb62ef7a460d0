import AtelierCore

/// An error as HTTP shows it.
package struct ErrorResponse: Sendable, Hashable {
  package var status: Int
  /// Beyond those of every response, such as `Retry-After`; names in their usual spelling.
  package var headers: [String: String]
  package var body: JSONValue

  package init(status: Int, headers: [String: String] = [:], body: JSONValue) {
    self.status = status
    self.headers = headers
    self.body = body
  }
}

extension ErrorResponse {
  /// The headers an error has in any dialect: when to come back, and how to authenticate.
  static func headers(for error: AtelierError, status: Int) -> [String: String] {
    var headers: [String: String] = [:]
    switch status {
    case 401: headers["WWW-Authenticate"] = "Bearer"
    case 429, 503, 529: headers["Retry-After"] = String(max(1, error.retryAfter ?? 1))
    default: if let seconds = error.retryAfter { headers["Retry-After"] = String(max(1, seconds)) }
    }
    // The SDKs repeat every 5xx twice unless told that it would fail again.
    if status >= 500, status != 503, status != 529, error.retryAfter == nil { headers["x-should-retry"] = "false" }
    // Nor does a token that is none become one.
    if error.code == .tooManyAttempts { headers["x-should-retry"] = "false" }
    return headers
  }
}
