import Foundation

/// An absolute `http` or `https` URL, checked: it has a host and no user part.
package struct WebAddress: Sendable, Hashable {
  package let origin: Origin
  /// Path and query, percent-encoded; begins with `/`.
  package let target: String

  private static let longest = 8192

  package init?(_ text: String) {
    guard text.utf8.count <= Self.longest, !text.utf8.contains(where: { $0 <= 0x20 || $0 == 0x7F || $0 == 0x5C }),
      let parts = URLComponents(string: text),
      let scheme = parts.scheme.flatMap({ Origin.Scheme(rawValue: $0.lowercased()) }),
      parts.user == nil, parts.password == nil, var host = parts.host?.lowercased(), !host.isEmpty
    else { return nil }
    if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
    if host.hasSuffix(".") { host.removeLast() }
    let isName = host.utf8.allSatisfy { byte in
      (0x30...0x39).contains(byte) || (0x61...0x7A).contains(byte) || byte == 0x2D || byte == 0x2E || byte == 0x5F
    }
    guard isName || IPAddress(host) != nil, !host.isEmpty, host.utf8.count <= 253 else { return nil }
    let port = parts.port ?? scheme.defaultPort
    guard (1...65535).contains(port) else { return nil }
    origin = Origin(scheme: scheme, host: host, port: port)
    let path = parts.percentEncodedPath
    target = (path.hasPrefix("/") ? path : "/" + path) + (parts.percentEncodedQuery.map { "?" + $0 } ?? "")
  }

  init(origin: Origin, target: String) {
    self.origin = origin
    self.target = target
  }

  /// What a `Location` header of an answer from here means: absolute, or relative to this address.
  package func resolving(_ reference: String) -> WebAddress? {
    if reference.hasPrefix("//") { return WebAddress("\(origin.scheme.rawValue):\(reference)") }
    if reference.hasPrefix("/") { return WebAddress("\(origin)\(reference)") }
    guard let base = URL(string: description), let url = URL(string: reference, relativeTo: base) else { return nil }
    return WebAddress(url.absoluteURL.absoluteString)
  }

  /// The same origin with another path and query.
  package func at(_ target: String) -> WebAddress? { WebAddress("\(origin)\(target)") }
}

extension WebAddress: CustomStringConvertible {
  package var description: String { "\(origin)\(target)" }
}
