import AtelierCore
import HTTPTypes

/// What a request brings to say who makes it.
package struct Credentials: Sendable {
  /// Tokens in the order to be tried; the first is the one that errors speak of.
  package var tokens: [Secret]
  /// The other end of the connection; nil on a Unix socket.
  package var address: String?

  package init(tokens: [Secret] = [], address: String? = nil) {
    self.tokens = tokens
    self.address = address
  }

  /// Bearer wins over `x-api-key`; the scheme's case and white space around the token do not matter. On the Anthropic routes
  /// either may be the right one (`takesEither`), because their clients send both.
  init(_ headers: HTTPFields, takesEither: Bool, address: String?) {
    let bearer = headers[.authorization].flatMap(Self.bearer)
    let key = headers[.apiKey].map { $0.filter { !$0.isWhitespace } }.flatMap { $0.isEmpty ? nil : $0 }
    let found = [bearer, key].compactMap { $0.map { Secret($0) } }
    self.init(tokens: takesEither ? found : Array(found.prefix(1)), address: address)
  }

  private static func bearer(_ value: String) -> String? {
    let parts = value.split(maxSplits: 1, omittingEmptySubsequences: true, whereSeparator: \.isWhitespace)
    guard parts.count == 2, parts[0].lowercased() == "bearer" else { return nil }
    return parts[1].split(whereSeparator: \.isWhitespace).first.map(String.init)
  }
}
