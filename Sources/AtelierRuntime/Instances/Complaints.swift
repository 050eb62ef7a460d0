import Logging
import Synchronization

/// Logs what is wrong with model files and their settings, each thing once as long as it stays.
final class Complaints: Sendable {
  private let logger: Logger
  private let known = Mutex<Set<String>>([])

  init(_ logger: Logger) { self.logger = logger }

  func note(_ texts: [String]) {
    let fresh = known.withLock { known in
      let now = Set(texts)
      defer { known = now }
      return now.subtracting(known)
    }
    for text in fresh.sorted() { logger.warning("not used: \(text)") }
  }
}
