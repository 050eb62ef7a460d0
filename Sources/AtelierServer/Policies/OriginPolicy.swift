import AtelierCore
import HTTPTypes

/// What web pages may do. `Origin` is sent by browsers only, so a request without one is a program and passes.
package struct OriginPolicy: Sendable {
  /// nil: cross-origin requests are off.
  private let origins: Set<String>?

  package init(enabled: Bool, origins: [String]) {
    self.origins = enabled ? Set(origins.map { $0.lowercased() }) : nil
  }

  var isEnabled: Bool { origins != nil }

  /// Throws when a page of another origin asks for something that can act.
  func check(_ request: HTTPRequest) throws(AtelierError) {
    guard let origin = request.headerFields[.origin], request.method != .get, request.method != .head,
      request.method != .options
    else { return }
    if allows(origin) || Self.isSame(origin, authority: request.authority) { return }
    throw AtelierError(
      .forbiddenOrigin,
      isEnabled
        ? "This origin is not in the setting cors_origins."
        : "Web pages may not call this server; start it with --cors to allow that.")
  }

  /// Added to every response.
  func headers(for request: HTTPRequest) -> HTTPFields {
    guard let origin = request.headerFields[.origin], let origins, allows(origin) else { return [:] }
    if origins.contains("*") { return [.accessControlAllowOrigin: "*"] }
    return [.accessControlAllowOrigin: origin, .vary: "Origin"]
  }

  /// The answer to a preflight request, added to `headers(for:)`.
  func preflight(_ request: HTTPRequest) -> HTTPFields {
    var headers: HTTPFields = [
      .accessControlAllowMethods: "GET, POST, OPTIONS",
      .accessControlMaxAge: "600",
    ]
    headers[.accessControlAllowHeaders] = request.headerFields[.accessControlRequestHeaders]
    return headers
  }

  private func allows(_ origin: String) -> Bool {
    guard let origins else { return false }
    return origins.contains("*") || origins.contains(origin.lowercased())
  }

  /// The page was served by this server.
  private static func isSame(_ origin: String, authority: String?) -> Bool {
    guard let authority else { return false }
    return origin.lowercased() == "http://\(authority.lowercased())"
  }
}
