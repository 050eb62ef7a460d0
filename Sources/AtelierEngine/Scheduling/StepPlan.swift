/// What one engine step does: the runner's memory first (`actions`, in order), then the rows. Reused from step to step.
package struct StepPlan: Sendable {
  /// The rows of one sequence.
  package struct Part: Sendable, Hashable {
    package var id: UInt64
    /// Place among the running sequences; valid until the scheduler changes.
    var index: Int
    package var rows: Int
    /// The batch row whose logits give the sequence's next token; nil inside a prompt.
    package var sampledRow: Int?
    /// Batch rows whose logits tell the probabilities of the prompt's next tokens; mostly none.
    package var scoredRows: Range<Int> = 0..<0
  }

  package internal(set) var actions: [CacheAction] = []
  package internal(set) var batch: Batch
  package internal(set) var parts: [Part] = []
  package var decodeRows: Int { batch.decodeRows }

  package init(capacity: Int) { batch = Batch(capacity: capacity) }

  package var isEmpty: Bool { batch.isEmpty }
  package var promptRows: Int { batch.rowCount - decodeRows }

  mutating func removeRows() {
    batch.removeAll()
    parts.removeAll(keepingCapacity: true)
  }
}
