import Testing

/// Waits until the condition holds; fails after a minute. It sleeps a little when yielding was not enough, because what it
/// waits for may need a thread of its own, which no yield gives a core.
package func eventually(
  _ what: Comment, sourceLocation: SourceLocation = #_sourceLocation, _ condition: () async -> Bool
) async {
  let deadline = ContinuousClock.now + .seconds(60)
  var turn = 0
  while ContinuousClock.now < deadline {
    if await condition() { return }
    turn += 1
    if turn < 200 { await Task.yield() } else { try? await Task.sleep(for: .microseconds(200)) }
  }
  Issue.record(what, sourceLocation: sourceLocation)
}
