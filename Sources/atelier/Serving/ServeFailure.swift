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
    case .cannotListen(let reason): description = "Cannot listen on \(settings.host):\(settings.port): \(reason)"
    }
  }
}
