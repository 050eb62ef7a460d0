import AtelierAPI
import AtelierCore
import AtelierRuntime

/// Fetches what a request of `/v1/responses` only names, and puts it in the place of the names.
struct ResponsesReferences: Sendable {
  let turns: any StoredTurns
  let seal: ReasoningSeal

  func resolved(_ body: JSONValue, for caller: Caller) async throws(AtelierError) -> JSONValue {
    var stored: [StoredTurn] = []
    for id in try OpenAIResponsesReferences.responseIDs(in: body) {
      if let turn = try await turn(id, of: caller) { stored.append(turn) }
    }
    return OpenAIResponsesReferences.resolved(body, from: stored, seal: seal)
  }

  /// nil when there is none: the reader of the request says which item names it.
  private func turn(_ id: String, of caller: Caller) async throws(AtelierError) -> StoredTurn? {
    do throws(AtelierError) {
      return try await turns.turn(id, of: caller)
    } catch {
      guard error.code == .responseNotFound else { throw error }
      return nil
    }
  }
}
