/// Which addresses outbound connections may go to: public ones, and what the operator lists.
package struct AddressPolicy: Sendable, Hashable {
  /// A host and a port, as the operator writes them: `10.0.0.5:8080`, `tools.lan:443`, `[fd00::1]:80`.
  package struct Endpoint: Sendable, Hashable {
    package var host: String
    package var port: Int

    package init(host: String, port: Int) {
      self.host = host
      self.port = port
    }

    package init?(_ text: String) {
      guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]),
        (1...65535).contains(port)
      else { return nil }
      var host = text[..<colon].lowercased()
      if host.hasPrefix("["), host.hasSuffix("]") {
        host = String(host.dropFirst().dropLast())
      } else if host.contains(":") {
        return nil
      }
      guard !host.isEmpty else { return nil }
      self.init(host: host, port: port)
    }
  }

  private let allowed: Set<Endpoint>
  /// Entries of the list that are no `host:port`; they allow nothing.
  package let problems: [String]

  package init(allowing list: [String] = []) {
    allowed = Set(list.compactMap(Endpoint.init))
    problems = list.filter { Endpoint($0) == nil }
  }

  /// Whether the operator named this host and port, so that it may lead anywhere.
  package func names(_ origin: Origin) -> Bool { allowed.contains(Endpoint(host: origin.host, port: origin.port)) }

  /// Those of a host's addresses that may be connected to, in their order.
  package func permitted(_ addresses: [IPAddress], for origin: Origin) -> [IPAddress] {
    names(origin) ? addresses : addresses.filter(\.isPublic)
  }
}
