import AtelierCore
import Foundation
import Synchronization

/// When each token was last used. Only the server writes it, apart from the tokens themselves, so that no write of the server
/// can ever lose a token.
package final class TokenUse: Sendable {
  private struct State {
    var times: [String: Int64]
    var writtenAt: [String: Int64] = [:]
  }

  private let url: URL
  private let state: Mutex<State>

  /// Uses of one token that follow each other closer are not written.
  private static let interval: Int64 = 60_000

  package init(at url: URL) {
    self.url = url
    state = Mutex(State(times: Self.read(url)))
  }

  /// Milliseconds since 1970, by id of the token.
  package static func read(_ url: URL) -> [String: Int64] {
    guard let (bytes, _) = try? PrivateFile.read(url), let object = try? JSONValue(parsing: bytes).objectValue else {
      return [:]
    }
    var times: [String: Int64] = [:]
    for (id, time) in object { times[id] = time.stringValue.flatMap(TokenTime.milliseconds) }
    return times
  }

  /// `known`: the ids of all tokens; what is kept of others goes. A time that cannot be written is not worth an error.
  func note(_ id: String, at now: Int64, known: some Collection<String>) {
    state.withLock { state in
      state.times[id] = now
      guard now - (state.writtenAt[id] ?? 0) >= Self.interval else { return }
      state.writtenAt[id] = now
      let known = Set(known)
      state.times = state.times.filter { known.contains($0.key) }
      state.writtenAt = state.writtenAt.filter { known.contains($0.key) }
      let members = state.times.sorted { $0.key < $1.key }.map { ($0.key, JSONValue.string(TokenTime.text($0.value))) }
      let text = JSONValue.object(JSONObject(members)).serialized() + "\n"
      try? PrivateFile.write(Array(text.utf8), to: url, isDurable: false)
    }
  }
}
