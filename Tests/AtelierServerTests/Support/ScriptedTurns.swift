import AtelierCore
import AtelierRuntime
import Synchronization

/// Stored turns of a test.
final class ScriptedTurns: StoredTurns {
  private let turns: Mutex<[String: StoredTurn]>

  init(_ turns: StoredTurn...) { self.turns = Mutex(Dictionary(uniqueKeysWithValues: turns.map { ($0.id, $0) })) }

  func turn(_ id: String, of caller: Caller) async throws(AtelierError) -> StoredTurn {
    guard let turn = turns.withLock({ $0[id] }) else { throw AtelierError(.responseNotFound, "no such response") }
    return turn
  }

  func forget(_ id: String, of caller: Caller) async throws(AtelierError) {
    guard turns.withLock({ $0.removeValue(forKey: id) }) != nil else {
      throw AtelierError(.responseNotFound, "no such response")
    }
  }
}
