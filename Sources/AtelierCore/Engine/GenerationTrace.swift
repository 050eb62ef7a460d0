import Synchronization

/// The record of one answer, which outlives the engine that gives it. An engine writes what it generates; when it dies,
/// whoever made the trace reads how far the answer had come.
package final class GenerationTrace: Sendable {
  private let record = Mutex(AnswerRecord())

  package init() {}

  package func withRecord<Result: Sendable>(_ body: (inout AnswerRecord) -> Result) -> Result {
    record.withLock { body(&$0) }
  }

  package var soFar: AnswerSoFar? { record.withLock { $0.soFar } }
  package var deaths: [EngineDeath] { record.withLock { $0.deaths } }
}
