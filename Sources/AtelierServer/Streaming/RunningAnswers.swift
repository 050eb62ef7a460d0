import AtelierCore
import Synchronization

/// Streamed answers that are being made, by the names under which clients may end them.
final class RunningAnswers: Sendable {
  struct Entry: Sendable {
    /// Id of the token whose answer it is; nil while authentication is off.
    var owner: String?
    /// What whoever ends the answer gets to see of it.
    var body: @Sendable () -> JSONValue
    var stop: @Sendable () -> Void
  }

  private let entries = Mutex<[String: Entry]>([:])

  func add(_ name: String, _ entry: Entry) { entries.withLock { $0[name] = entry } }

  func remove(_ name: String) { entries.withLock { $0[name] = nil } }

  /// Ends the answer; nil when none of that name is being made for that caller.
  func stop(_ name: String, of caller: Caller) -> JSONValue? {
    let entry = entries.withLock { entries in
      entries[name]?.owner == caller.tokenID ? entries.removeValue(forKey: name) : nil
    }
    guard let entry else { return nil }
    entry.stop()
    return entry.body()
  }
}
