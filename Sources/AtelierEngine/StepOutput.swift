/// Everything one engine step produced, for all sequences: handed on as one value, so that one step costs one wake-up.
package struct StepOutput: Sendable {
  package struct Entry: Sendable {
    package var id: UInt64
    package var event: SequenceEvent

    package init(id: UInt64, event: SequenceEvent) {
      self.id = id
      self.event = event
    }
  }

  package var entries: [Entry]

  package init(entries: [Entry] = []) { self.entries = entries }
}
