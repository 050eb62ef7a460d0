/// Clients take turns: who has fewer sequences running comes first, then whose last one started longest ago. Among a
/// client's own requests the order is that of `waiting`.
extension Scheduler {
  /// Clients with live requests.
  package var clientCount: Int { turns.count }

  /// The place in `waiting` of the request that starts next; nil when all are in `passed`.
  func nextInTurn(besides passed: [UInt64]) -> Int? {
    guard turns.count > 1 else { return waiting.firstIndex { !passed.contains($0.id) } }
    var best: (running: Int, turn: UInt64, index: Int)?
    var seen: [UInt64] = []
    for index in waiting.indices where !passed.contains(waiting[index].id) && !seen.contains(waiting[index].client) {
      let client = waiting[index].client
      seen.append(client)
      let standing = (running.count { $0.client == client }, turns[client] ?? 0, index)
      if best.map({ standing < $0 }) ?? true { best = standing }
    }
    return best?.index
  }

  /// A client's turn is remembered as long as it has a live request. To be called when one has ended.
  mutating func forgetClient(_ client: UInt64) {
    let isLive =
      running.contains { $0.client == client } || waiting.contains { $0.client == client }
      || parked.contains { $0.client == client }
    if !isLive { turns[client] = nil }
  }
}
