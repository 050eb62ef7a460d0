import AtelierCore

/// Where a command finds its server: flags, then `ATELIER_HOST` and `ATELIER_PORT`, then what the data folder's server
/// left, then `127.0.0.1:1234`.
struct ServerAddress: Sendable, Hashable {
  var host: String
  var port: Int
  /// Path of a Unix socket to be used instead.
  var socket: String?
  /// The file of the TLS certificate to be expected; nil: no TLS.
  var certificate: String?

  static let standardPort = 1234

  init(host: String? = nil, port: Int? = nil, environment: [String: String], state: ServerState?) {
    let named = environment["ATELIER_HOST"].flatMap { $0.isEmpty ? nil : $0 }
    // What a server listens on is not always what a client can connect to.
    self.host = host ?? named.map { ["0.0.0.0", "::"].contains($0) ? "127.0.0.1" : $0 } ?? state?.host ?? "127.0.0.1"
    let numbered = environment["ATELIER_PORT"].flatMap { Int($0) }.flatMap { (1...65535).contains($0) ? $0 : nil }
    self.port = port ?? numbered ?? state?.port ?? Self.standardPort
    // Whoever names another server speaks to that one.
    guard let state, host == nil, named == nil, port == nil, numbered == nil else { return }
    socket = state.socket
    certificate = state.certificate
  }

  /// For people.
  var place: String { Self.place(port: port, socket: socket) }

  static func place(port: Int, socket: String?) -> String { socket.map { "socket \($0)" } ?? "port \(port)" }

  var url: String {
    let scheme = certificate == nil ? "http" : "https"
    if let socket { return "\(scheme)+unix://\(ServerClient.escaped(socket))" }
    return "\(scheme)://\(host.contains(":") && !host.hasPrefix("[") ? "[\(host)]" : host):\(port)"
  }
}
