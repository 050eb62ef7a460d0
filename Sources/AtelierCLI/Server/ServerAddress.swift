import AtelierCore

/// Where a command finds its server: flags, then `ATELIER_HOST` and `ATELIER_PORT`, then what the data folder's server
/// left, then `127.0.0.1:1234`.
struct ServerAddress: Sendable, Hashable {
  var host: String
  var port: Int

  static let standardPort = 1234

  init(host: String? = nil, port: Int? = nil, environment: [String: String], state: ServerState?) {
    let named = environment["ATELIER_HOST"].flatMap { $0.isEmpty ? nil : $0 }
    // What a server listens on is not always what a client can connect to.
    self.host = host ?? named.map { ["0.0.0.0", "::"].contains($0) ? "127.0.0.1" : $0 } ?? state?.host ?? "127.0.0.1"
    let numbered = environment["ATELIER_PORT"].flatMap { Int($0) }.flatMap { (1...65535).contains($0) ? $0 : nil }
    self.port = port ?? numbered ?? state?.port ?? Self.standardPort
  }

  var url: String { "http://\(host.contains(":") && !host.hasPrefix("[") ? "[\(host)]" : host):\(port)" }
}
