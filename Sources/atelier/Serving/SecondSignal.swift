import Foundation
import ServiceLifecycle

/// Once the server is stopping, the next signal ends the process at once, as the system's default has it.
struct SecondSignal: Service {
  func run() async throws {
    try await gracefulShutdown()
    signal(SIGTERM, SIG_DFL)
    signal(SIGINT, SIG_DFL)
  }
}
