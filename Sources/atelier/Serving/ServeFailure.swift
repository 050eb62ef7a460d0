import AtelierCore
import AtelierServer

/// Why the server cannot run, for the person who started it.
struct ServeFailure: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }

  init(_ failure: HTTPServer.Failure, _ settings: Settings) {
    switch failure {
    case .portInUse:
      description = "Port \(settings.port) is in use. Stop the other program, or choose a port with --port."
    case .socketInUse:
      description = "Another server listens on \(settings.socket). Stop it, or choose another --socket."
    case .cannotListen(let reason):
      let place = settings.socket.isEmpty ? "\(settings.host):\(settings.port)" : settings.socket
      description = "Cannot listen on \(place): \(reason)"
    }
  }
}
