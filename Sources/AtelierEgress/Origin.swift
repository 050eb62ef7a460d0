/// Scheme, host and port: who is spoken to.
package struct Origin: Sendable, Hashable {
  package enum Scheme: String, Sendable, Hashable {
    case http, https

    var defaultPort: Int { self == .http ? 80 : 443 }
  }

  package var scheme: Scheme
  /// Lower case; an IPv6 address without brackets.
  package var host: String
  package var port: Int

  package init(scheme: Scheme, host: String, port: Int) {
    self.scheme = scheme
    self.host = host
    self.port = port
  }

  package var address: IPAddress? { IPAddress(host) }
}

extension Origin: CustomStringConvertible {
  /// As in a URL, without the scheme's own port.
  package var description: String {
    let host = host.contains(":") ? "[\(host)]" : host
    return "\(scheme.rawValue)://\(host)" + (port == scheme.defaultPort ? "" : ":\(port)")
  }
}
