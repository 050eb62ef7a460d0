import AtelierEngine

/// A `ModelRunner` without a model: logits are a fixed function of a sequence's whole token history, and cells are kept
/// as a unified cache keeps them, each with the number of sequences that share it. Misuse is recorded in `violations`.
///
/// With `PrefixReuse.checkpoints` a sequence also has a state that only grows, as a recurrent model's: the logits come from
/// that, so a state that does not belong to the sequence's tokens gives wrong ones.
package final class ScriptedRunner: ModelRunner {
  private struct State: Equatable {
    var length: Int
    var history: UInt64
  }

  private struct Cell {
    var holders = 0
    /// Of all tokens up to and with this one.
    var history: UInt64 = 0
  }

  package let cellCount: Int
  package let maxBatchRows: Int
  package let maxSequences: Int
  package let vocabularySize: Int
  package let prefixReuse: PrefixReuse
  /// Token 0 ends the text; its logit is lowered by this.
  package var endPenalty: Float = 4
  /// Called with the history and the logits after they are made.
  package var adjustLogits: ((UInt64, UnsafeMutableBufferPointer<Float>) -> Void)?
  /// Thrown by the next `decode`, once.
  package var nextError: RunnerError?
  /// What `makeConstraint` gives; nil: every grammar is refused.
  package var makeScriptedConstraint: ((GrammarConstraint) -> any TokenConstraint)?

  /// Of one checkpoint; nil: none can be kept.
  package var checkpointBytes: Int? = 100
  /// The next `restoreCheckpoint` fails, once.
  package var failsNextRestore = false

  package var parking: ParkingLimits?
  /// The next `unparkSegment` fails, once.
  package var failsNextUnpark = false
  /// The next `parkSegment` fails, once.
  package var failsNextPark = false

  package private(set) var violations: [String] = []
  package private(set) var decodeCalls = 0
  package private(set) var rowsComputed = 0
  package private(set) var idleCalls = 0
  /// Rows per decode call.
  package private(set) var batchSizes: [Int] = []

  private var cells: [Cell]
  private var freeCells: [Int]
  private var paths: [[Int]]
  /// nil: of no use until a checkpoint is restored.
  private var states: [State?]
  private var checkpoints: [UInt64: State] = [:]
  /// The histories of kept cells, and where they begin.
  private var parked: [UInt64: (start: Int, histories: [UInt64])] = [:]
  private var rowHistories: [UInt64?] = []
  private let buffer: UnsafeMutableBufferPointer<Float>

  package init(
    cellCount: Int = 256, maxBatchRows: Int = 64, maxSequences: Int = 8, vocabularySize: Int = 32,
    prefixReuse: PrefixReuse = .anyPrefix
  ) {
    self.cellCount = cellCount
    self.maxBatchRows = maxBatchRows
    self.maxSequences = maxSequences
    self.vocabularySize = vocabularySize
    self.prefixReuse = prefixReuse
    cells = Array(repeating: Cell(), count: cellCount)
    freeCells = Array((0..<cellCount).reversed())
    paths = Array(repeating: [], count: maxSequences)
    states = Array(repeating: State(length: 0, history: Self.start), count: maxSequences)
    buffer = .allocate(capacity: vocabularySize)
    buffer.initialize(repeating: 0)
  }

  deinit { buffer.deallocate() }

  package var usedCells: Int { cellCount - freeCells.count }
  package func length(of sequence: Int) -> Int { paths[sequence].count }
  package var checkpointCount: Int { checkpoints.count }
  private var cuts: Bool { prefixReuse == .anyPrefix }

  package func decode(_ batch: Batch) throws(RunnerError) {
    if let error = nextError {
      nextError = nil
      throw error
    }
    decodeCalls += 1
    if batch.isEmpty || batch.count > maxBatchRows { violations.append("batch of \(batch.count) rows") }
    guard batch.rowCount <= freeCells.count else { throw .outOfCells }
    rowsComputed += batch.rowCount
    batchSizes.append(batch.rowCount)
    rowHistories.removeAll(keepingCapacity: true)
    for picture in batch.media { compute(picture, batch) }
    for row in 0..<batch.count {
      if batch.tokens[row] < 0 { violations.append("a picture's id as a token") }
      let history = compute(
        token: batch.tokens[row], sequence: Int(batch.sequences[row]), position: Int(batch.positions[row]))
      rowHistories.append(batch.wantsLogits[row] == 1 ? history : nil)
    }
  }

  private func compute(_ picture: Batch.MediaRows, _ batch: Batch) {
    let all = 0..<picture.embedding.rows
    if picture.rows.isEmpty || picture.rows.count > maxBatchRows || !all.contains(picture.rows)
      || (picture.embedding.isWhole && picture.rows != all)
    {
      violations.append("rows \(picture.rows) of a picture of \(all.count)")
    }
    if batch.sequences.contains(Int32(picture.sequence)) {
      violations.append("tokens beside a picture in one sequence")
    }
    for offset in 0..<picture.rows.count {
      compute(token: picture.embedding.token, sequence: picture.sequence, position: picture.position + offset)
    }
  }

  @discardableResult
  private func compute(token: Int32, sequence: Int, position: Int) -> UInt64? {
    guard paths.indices.contains(sequence) else {
      violations.append("row of sequence \(sequence)")
      return nil
    }
    if position != paths[sequence].count {
      violations.append("sequence \(sequence) at position \(position), expected \(paths[sequence].count)")
    }
    let before = history(of: sequence)
    let history = Self.extend(before, by: token)
    let cell = freeCells.removeLast()
    cells[cell] = Cell(holders: 1, history: history)
    paths[sequence].append(cell)
    states[sequence] = State(length: paths[sequence].count, history: history)
    return history
  }

  package func logits(row: Int) -> UnsafeMutableBufferPointer<Float> {
    guard rowHistories.indices.contains(row), let history = rowHistories[row] else {
      violations.append("logits of row \(row), which did not ask for them")
      return buffer
    }
    fill(history)
    return buffer
  }

  @discardableResult
  package func copySequence(_ source: Int, to target: Int, count: Int) -> Bool {
    if !paths[target].isEmpty { violations.append("copy to sequence \(target), which is not empty") }
    if count > paths[source].count { violations.append("copy of \(count) from \(paths[source].count)") }
    paths[target] = Array(paths[source].prefix(count))
    for cell in paths[target] { cells[cell].holders += 1 }
    states[target] = cuts || count == paths[source].count ? state(of: source, at: count) : nil
    return true
  }

  @discardableResult
  package func trimSequence(_ sequence: Int, from position: Int) -> Bool {
    if !cuts, position > 0, position < paths[sequence].count, states[sequence]?.length != position {
      violations.append("cut of a sequence that cannot be cut")
      return false
    }
    while paths[sequence].count > position {
      let cell = paths[sequence].removeLast()
      cells[cell].holders -= 1
      if cells[cell].holders == 0 { freeCells.append(cell) }
    }
    if cuts || position <= 0 { states[sequence] = state(of: sequence, at: paths[sequence].count, exact: false) }
    return true
  }

  package func saveCheckpoint(_ checkpoint: UInt64, of sequence: Int) -> Int? {
    if checkpoints[checkpoint] != nil { violations.append("checkpoint \(checkpoint) is in use") }
    guard let checkpointBytes, let state = state(of: sequence, at: paths[sequence].count) else { return nil }
    checkpoints[checkpoint] = state
    return checkpointBytes
  }

  package func restoreCheckpoint(_ checkpoint: UInt64, to sequence: Int) -> Bool {
    if failsNextRestore {
      failsNextRestore = false
      return false
    }
    guard let state = checkpoints[checkpoint] else {
      // One that could not be kept.
      if checkpointBytes != nil { violations.append("no checkpoint \(checkpoint)") }
      return false
    }
    if paths[sequence].count < state.length || cells[paths[sequence][state.length - 1]].history != state.history {
      violations.append("checkpoint \(checkpoint) belongs to other tokens")
      return false
    }
    states[sequence] = state
    return true
  }

  package func discardCheckpoint(_ checkpoint: UInt64) { checkpoints[checkpoint] = nil }

  package var parkedSegments: [UInt64] { parked.keys.sorted() }

  /// One byte a cell.
  package func parkSegment(_ segment: UInt64, of sequence: Int, from position: Int) -> Int? {
    if parked[segment] != nil { violations.append("segment \(segment) is in use") }
    if position >= paths[sequence].count { violations.append("nothing of sequence \(sequence) to park") }
    if failsNextPark {
      failsNextPark = false
      return nil
    }
    let histories = paths[sequence].dropFirst(position).map { cells[$0].history }
    parked[segment] = (position, histories)
    return histories.count
  }

  package func unparkSegment(_ segment: UInt64, to sequence: Int, positions: Range<Int>) -> Bool {
    guard let (start, histories) = parked[segment] else { return false }
    if failsNextUnpark {
      failsNextUnpark = false
      return false
    }
    if positions.lowerBound != paths[sequence].count { violations.append("unpark behind a gap or over cells") }
    if positions.lowerBound < start || positions.upperBound > start + histories.count {
      violations.append("unpark of positions \(positions) that are not kept")
      return false
    }
    guard histories.count <= freeCells.count else {
      violations.append("no cells for \(histories.count) positions on their way")
      return false
    }
    for position in positions {
      let cell = freeCells.removeLast()
      cells[cell] = Cell(holders: 1, history: histories[position - start])
      paths[sequence].append(cell)
    }
    states[sequence] = state(of: sequence, at: paths[sequence].count, exact: false)
    return true
  }

  package func releaseSegment(_ segment: UInt64) { parked[segment] = nil }

  /// The sequence's own state, which has to be that of its first `count` tokens.
  private func state(of sequence: Int, at count: Int, exact: Bool = true) -> State? {
    if cuts || !exact {
      return State(length: count, history: count > 0 ? cells[paths[sequence][count - 1]].history : Self.start)
    }
    guard let state = states[sequence], state.length == count else {
      violations.append("the state of sequence \(sequence) is not that of its tokens")
      return nil
    }
    return state
  }

  private func history(of sequence: Int) -> UInt64 { state(of: sequence, at: paths[sequence].count)?.history ?? 0 }

  package func makeConstraint(_ constraint: GrammarConstraint) throws(RunnerError) -> any TokenConstraint {
    guard let makeScriptedConstraint else { throw .invalidGrammar(constraint.grammar) }
    return makeScriptedConstraint(constraint)
  }

  package func isEndOfGeneration(_ token: Int32) -> Bool { token == 0 }

  package func idle() { idleCalls += 1 }

  /// The logits that follow these tokens, whatever the way they were computed.
  package func logits(after tokens: [Int32]) -> [Float] {
    fill(tokens.reduce(Self.start) { Self.extend($0, by: $1) })
    return Array(buffer)
  }

  private func fill(_ history: UInt64) {
    for token in 0..<vocabularySize {
      let bits = Self.mix(history &+ UInt64(token) &* 0x9e37_79b9_7f4a_7c15)
      buffer[token] = Float(bits >> 40) / Float(1 << 24) * 8 - 4
    }
    buffer[0] -= endPenalty
    adjustLogits?(history, buffer)
  }

  private static let start: UInt64 = 0x5eed

  private static func extend(_ history: UInt64, by token: Int32) -> UInt64 {
    mix(history ^ (UInt64(UInt32(bitPattern: token)) &+ 0x1234_5678))
  }

  /// The finalizer of SplitMix64.
  private static func mix(_ value: UInt64) -> UInt64 {
    var bits = value &+ 0x9e37_79b9_7f4a_7c15
    bits = (bits ^ (bits >> 30)) &* 0xbf58_476d_1ce4_e5b9
    bits = (bits ^ (bits >> 27)) &* 0x94d0_49bb_1331_11eb
    return bits ^ (bits >> 31)
  }
}
