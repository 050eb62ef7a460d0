/// What an engine is doing, as of its last step.
package struct EngineState: Sendable, Hashable {
  package var running = 0
  package var waiting = 0
  /// Steps carried out since the start.
  package var steps: UInt64 = 0
  package var usedCells = 0
  package var cellCount = 0

  package init() {}
}
