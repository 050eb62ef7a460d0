import AtelierCore

extension Settings {
  /// Other machines can reach the server.
  package var isExposed: Bool { socket.isEmpty && !HostPolicy.isLoopback(host) }

  package var usesTLS: Bool { !tlsCertificate.isEmpty }
}
