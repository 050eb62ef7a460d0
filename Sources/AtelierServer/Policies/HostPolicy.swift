import AtelierCore

/// Which `Host` a request may carry. A web page can make a browser send requests to this machine under a name the
/// page's owner controls (DNS rebinding); the name is what gives it away. An address literal cannot be rebound.
package struct HostPolicy: Sendable {
  private let allowed: Set<String>
  private let isLoopback: Bool

  /// - Parameters:
  ///   - host: the address the server listens on.
  ///   - allowed: further names, with or without a port.
  package init(host: String, allowed: [String]) {
    // A name to listen on is a name to be called by.
    let own = Self.isAddress(host) || Self.isLoopback(host) ? [] : [host]
    self.allowed = Set((allowed + own).map { $0.lowercased() })
    self.isLoopback = Self.isLoopback(host)
  }

  /// `localPort` is where the request arrived; nil when it came through no network socket, where no page can lead a browser.
  func check(authority: String?, localPort: Int?) throws(AtelierError) {
    guard let authority, let (name, port) = Self.split(authority.lowercased()) else {
      throw AtelierError(.forbiddenHost, "The request needs a valid Host header.")
    }
    if localPort == nil || allowed.contains(name) || allowed.contains(authority.lowercased()) { return }
    let nameFits = Self.isLoopback(name) || (!isLoopback && Self.isAddress(name))
    let portFits = !isLoopback || port == nil || port == localPort
    guard nameFits, portFits else {
      throw AtelierError(
        .forbiddenHost, "This server does not answer to that Host; add it to the setting allowed_hosts if it should.")
    }
  }

  package static func isLoopback(_ host: String) -> Bool {
    let name = host.lowercased()
    return name == "localhost" || name == "::1" || (name.hasPrefix("127.") && isAddress(name))
  }

  /// An IPv4 or IPv6 literal, the latter without brackets.
  static func isAddress(_ name: String) -> Bool {
    if name.contains(":") {
      return name.utf8.allSatisfy { $0 == UInt8(ascii: ":") || $0 == UInt8(ascii: ".") || isHexadecimal($0) }
    }
    let parts = name.split(separator: ".", omittingEmptySubsequences: false)
    return parts.count == 4 && parts.allSatisfy { UInt8($0) != nil }
  }

  /// Name without brackets, and port.
  static func split(_ authority: String) -> (name: String, port: Int?)? {
    var name = authority[...]
    var port: Int?
    if let colon = name.lastIndex(of: ":"), !name.hasSuffix("]"),
      name.hasPrefix("[") || name.firstIndex(of: ":") == colon
    {
      guard let number = UInt16(name[name.index(after: colon)...]) else { return nil }
      port = Int(number)
      name = name[..<colon]
    }
    if name.hasPrefix("[") {
      guard name.hasSuffix("]") else { return nil }
      name = name.dropFirst().dropLast()
    }
    guard !name.isEmpty,
      name.utf8.allSatisfy({ $0 > 32 && $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: "@") && $0 < 127 })
    else { return nil }
    return (String(name), port)
  }

  private static func isHexadecimal(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
      || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte | 0x20)
  }
}
