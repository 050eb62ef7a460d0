import AtelierCore
import HTTPTypes

/// What web pages may do. `Origin` is sent by browsers only, so a request without one is a program and passes.
package struct OriginPolicy: Sendable {
  /// nil: cross-origin requests are off.
  private let origins: Set<String>?
  private let scheme: String

  /// `isSecure`: the server's own pages come through TLS.
  package init(enabled: Bool, origins: [String], isSecure: Bool = false) {
    // `null` is what every sandboxed frame and local file calls itself, so it names nobody.
    self.origins = enabled ? Set(origins.map { $0.lowercased() }.filter { $0 != "null" }) : nil
    scheme = isSecure ? "https" : "http"
  }

  var isEnabled: Bool { origins != nil }

  /// Throws when a page of another origin asks for something that can act. What a page of no allowed origin merely reads,
  /// the browser keeps from it. `acts`: also GET does something here, or shows what no page may see.
  func check(_ request: HTTPRequest, acts: Bool = false) throws(AtelierError) {
    guard let origin = request.headerFields[.origin] else { return }
    let isPreflight = isEnabled && request.method == .options
    let isRead = [.get, .head, .options].contains(request.method)
    guard acts || isPreflight || !isRead else { return }
    if allows(origin) || isSame(origin, authority: request.authority) { return }
    throw AtelierError(
      .forbiddenOrigin,
      isEnabled
        ? "This origin is not in the setting cors_origins."
        : "Web pages may not call this server; start it with --cors to allow that.")
  }

  /// Added to every response.
  func headers(for request: HTTPRequest) -> HTTPFields {
    guard let origins else { return [:] }
    let origin = request.headerFields[.origin]
    if origins.contains("*") { return origin == nil ? [:] : [.accessControlAllowOrigin: "*"] }
    // The answer depends on the origin also where there is none.
    guard let origin, allows(origin) else { return [.vary: "Origin"] }
    return [.accessControlAllowOrigin: origin, .vary: "Origin"]
  }

  /// The answer to a preflight request, added to `headers(for:)`.
  func preflight(_ request: HTTPRequest) -> HTTPFields {
    var headers: HTTPFields = [
      .accessControlAllowMethods: "GET, POST, OPTIONS",
      .accessControlMaxAge: "600",
    ]
    headers[.accessControlAllowHeaders] = request.headerFields[.accessControlRequestHeaders]
    // Pages of the Internet may reach into this machine only where somebody named them, not by way of "any".
    if request.headerFields[.requestPrivateNetwork] == "true", let origin = request.headerFields[.origin]?.lowercased(),
      origins?.contains(origin) == true
    {
      headers[.allowPrivateNetwork] = "true"
    }
    return headers
  }

  private func allows(_ origin: String) -> Bool {
    guard let origins else { return false }
    return origins.contains("*") || origins.contains(origin.lowercased())
  }

  /// The page was served by this server.
  private func isSame(_ origin: String, authority: String?) -> Bool {
    guard let authority else { return false }
    return origin.lowercased() == "\(scheme)://\(authority.lowercased())"
  }
}

extension HTTPField.Name {
  static let requestPrivateNetwork = HTTPField.Name("Access-Control-Request-Private-Network")!
  static let allowPrivateNetwork = HTTPField.Name("Access-Control-Allow-Private-Network")!
}
