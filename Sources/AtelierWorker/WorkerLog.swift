import Foundation

/// Standard error is the worker's log: the API process passes its lines on. Never holds prompts or answers.
package enum WorkerLog {
  package static func error(_ message: String) {
    FileHandle.standardError.write(Data("atelier-worker: \(message)\n".utf8))
  }
}
