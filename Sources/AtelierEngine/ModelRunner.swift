/// Below the scheduler: one model context, synchronous, used by one thread only. The real one wraps `llama_context`;
/// tests use a scripted one. All calls come from the engine's thread.
///
/// Memory is counted in cells: one cell holds one position of at least one sequence. Sequences that share a prefix share
/// its cells (`copySequence`), so shared positions count once.
package protocol ModelRunner: AnyObject {
  /// Cells in all. Also the longest sequence possible.
  var cellCount: Int { get }
  /// Token rows one `decode` call takes at most, and rows of one picture.
  var maxBatchRows: Int { get }
  /// Sequence numbers are 0..<maxSequences.
  var maxSequences: Int { get }
  var vocabularySize: Int { get }
  /// How prefixes can be reused.
  var prefixReuse: PrefixReuse { get }

  /// Threads a step may use at most.
  var threadCount: Int { get }

  /// Sets the threads of the following steps, 1…`threadCount`. Cheap.
  func useThreads(_ count: Int)

  /// Evaluates the rows: pictures, then tokens. Logits of token rows that asked for them are valid until the next call.
  /// Throws `.outOfCells` without having changed anything when the rows do not fit.
  func decode(_ batch: Batch) throws(RunnerError)

  /// Logits of the batch row with that index; `vocabularySize` numbers. The sampler may change them in place.
  func logits(row: Int) -> UnsafeMutableBufferPointer<Float>

  /// Makes `target` share positions 0..<count of `source`. `target` must be empty. With `PrefixReuse.checkpoints` and fewer
  /// positions than `source` has, a checkpoint is restored next.
  /// False when what the source computed could not be fetched (then the target is empty).
  @discardableResult
  func copySequence(_ source: Int, to target: Int, count: Int) -> Bool

  /// Forgets positions `from...` of the sequence; 0 forgets it whole. False if the model cannot cut there (then the
  /// sequence is unchanged and has to be forgotten whole).
  @discardableResult
  func trimSequence(_ sequence: Int, from position: Int) -> Bool

  /// Keeps what cannot be cut of the sequence's present state under a number not in use. Returns its bytes; nil when it
  /// cannot be kept.
  func saveCheckpoint(_ checkpoint: UInt64, of sequence: Int) -> Int?

  /// Puts the kept state into a sequence that holds the positions before it, its own or copied ones. The sequence is then
  /// cut to the checkpoint's position or continued there. False when that fails (then it has to be forgotten whole).
  func restoreCheckpoint(_ checkpoint: UInt64, to sequence: Int) -> Bool

  /// Frees the kept state, if there is one.
  func discardCheckpoint(_ checkpoint: UInt64)

  /// How much `parkSegment` may keep, and when it is worth its time; nil: it keeps nothing.
  var parking: ParkingLimits? { get }

  /// Keeps a copy of the sequence's positions `from...` in host memory under a number not in use. Returns its bytes; nil
  /// when it cannot be kept.
  func parkSegment(_ segment: UInt64, of sequence: Int, from position: Int) -> Int?

  /// Puts these of the kept positions into a sequence that holds all before them and none after. For a moment that takes as
  /// many free cells as positions were kept. False when it fails
  /// (then the sequence has to be forgotten whole).
  func unparkSegment(_ segment: UInt64, to sequence: Int, positions: Range<Int>) -> Bool

  /// Frees the kept copy, if there is one.
  func releaseSegment(_ segment: UInt64)

  /// Makes the state of a grammar for one sequence. Throws when the grammar does not compile.
  func makeConstraint(_ constraint: GrammarConstraint) throws(RunnerError) -> any TokenConstraint

  /// True for end-of-text tokens of any kind.
  func isEndOfGeneration(_ token: Int32) -> Bool

  /// Called when the engine has nothing to do, before it waits.
  func idle()
}

extension ModelRunner {
  package var threadCount: Int { 1 }
  package func useThreads(_ count: Int) {}
  package func saveCheckpoint(_ checkpoint: UInt64, of sequence: Int) -> Int? { nil }
  package func restoreCheckpoint(_ checkpoint: UInt64, to sequence: Int) -> Bool { false }
  package func discardCheckpoint(_ checkpoint: UInt64) {}
  package var parking: ParkingLimits? { nil }
  package func parkSegment(_ segment: UInt64, of sequence: Int, from position: Int) -> Int? { nil }
  package func unparkSegment(_ segment: UInt64, to sequence: Int, positions: Range<Int>) -> Bool { false }
  package func releaseSegment(_ segment: UInt64) {}
}
