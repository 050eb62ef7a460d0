import AtelierCore

/// What happened to one prediction of several in a frame.
package struct PredictionEvent: Sendable, Hashable {
  package var id: UInt64
  package var event: GenerationEvent

  package init(id: UInt64, event: GenerationEvent) {
    self.id = id
    self.event = event
  }
}
