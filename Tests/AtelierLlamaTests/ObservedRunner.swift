import AtelierEngine
import Synchronization

/// Passes everything on to a real runner and tells what it was asked to do.
final class ObservedRunner: ModelRunner {
  /// What a runner was asked to do.
  struct Work: Sendable {
    var rows = 0
    var copies = 0
    var restores = 0
    /// Stretches moved to host memory, and brought back.
    var parked = 0
    var unparked = 0
    /// Of all checkpoints at the same time.
    var mostCheckpointBytes = 0
  }

  /// Read by others while the engine runs or after.
  final class Meter: Sendable {
    let work = Mutex(Work())
  }

  private let runner: any ModelRunner
  private let meter: Meter
  private var checkpointBytes: [UInt64: Int] = [:]
  let parking: ParkingLimits?

  /// `idleCells`: instead of the runner's own.
  init(_ runner: any ModelRunner, meter: Meter, idleCells: Int? = nil) {
    self.runner = runner
    self.meter = meter
    var parking = runner.parking
    if let idleCells { parking?.idleCells = idleCells }
    self.parking = parking
  }

  var cellCount: Int { runner.cellCount }
  var maxBatchRows: Int { runner.maxBatchRows }
  var maxSequences: Int { runner.maxSequences }
  var vocabularySize: Int { runner.vocabularySize }
  var prefixReuse: PrefixReuse { runner.prefixReuse }

  func decode(_ batch: Batch) throws(RunnerError) {
    try runner.decode(batch)
    meter.work.withLock { $0.rows += batch.count }
  }

  func logits(row: Int) -> UnsafeMutableBufferPointer<Float> { runner.logits(row: row) }

  func copySequence(_ source: Int, to target: Int, count: Int) -> Bool {
    meter.work.withLock { $0.copies += 1 }
    return runner.copySequence(source, to: target, count: count)
  }

  @discardableResult
  func trimSequence(_ sequence: Int, from position: Int) -> Bool { runner.trimSequence(sequence, from: position) }

  func saveCheckpoint(_ checkpoint: UInt64, of sequence: Int) -> Int? {
    let bytes = runner.saveCheckpoint(checkpoint, of: sequence)
    checkpointBytes[checkpoint] = bytes
    let all = checkpointBytes.values.reduce(0, +)
    meter.work.withLock { $0.mostCheckpointBytes = max($0.mostCheckpointBytes, all) }
    return bytes
  }

  func restoreCheckpoint(_ checkpoint: UInt64, to sequence: Int) -> Bool {
    meter.work.withLock { $0.restores += 1 }
    return runner.restoreCheckpoint(checkpoint, to: sequence)
  }

  func discardCheckpoint(_ checkpoint: UInt64) {
    checkpointBytes[checkpoint] = nil
    runner.discardCheckpoint(checkpoint)
  }

  func parkSegment(_ segment: UInt64, of sequence: Int, from position: Int) -> Int? {
    meter.work.withLock { $0.parked += 1 }
    return runner.parkSegment(segment, of: sequence, from: position)
  }

  func unparkSegment(_ segment: UInt64, to sequence: Int, positions: Range<Int>) -> Bool {
    guard runner.unparkSegment(segment, to: sequence, positions: positions) else { return false }
    meter.work.withLock { $0.unparked += 1 }
    return true
  }

  func releaseSegment(_ segment: UInt64) { runner.releaseSegment(segment) }

  func makeConstraint(_ constraint: GrammarConstraint) throws(RunnerError) -> any TokenConstraint {
    try runner.makeConstraint(constraint)
  }

  func isEndOfGeneration(_ token: Int32) -> Bool { runner.isEndOfGeneration(token) }
  func idle() { runner.idle() }
}
