import AtelierEngine
import CLlama
import CLlamaBridge

/// `ModelRunner` over one `llama_context` with a KV cache that all sequences share.
///
/// llama.cpp aborts the process on wrong use, so every argument is checked here first.
final class LlamaRunner: ModelRunner {
  private let context: LlamaContext
  private let memory: OpaquePointer
  private let tokenizer: LlamaTokenizer
  private let grammars: GrammarCache
  private let rows: RowStorage
  private let checkpoints: StateCheckpoints
  /// Whether each sequence has a shadow, numbered `maxSequences` higher, that holds the same cells.
  private let hasShadows: Bool
  private let maxOutputs: Int
  let cellCount: Int
  let maxBatchRows: Int
  let maxSequences: Int
  let vocabularySize: Int
  let prefixReuse: PrefixReuse
  let threadCount: Int
  private var threads: Int
  /// When prompts had their own call: the row they begin at (0: they had not), the rows whose logits were kept, and those.
  private var firstCallRows = 0
  private var kept: [Int] = []
  private var keptLogits: [UnsafeMutableBufferPointer<Float>] = []

  init(context: LlamaContext, memory: OpaquePointer, plan: MemoryPlan, grammars: GrammarCache) {
    self.context = context
    self.grammars = grammars
    self.memory = memory
    tokenizer = LlamaTokenizer(context.model)
    cellCount = context.tokens
    maxBatchRows = context.batchRows
    checkpoints = StateCheckpoints(context)
    hasShadows = plan.hasShadows
    maxSequences = plan.sequences
    maxOutputs = plan.sequences
    vocabularySize = tokenizer.vocabularySize
    prefixReuse = plan.reuse
    // Who gives two different counts has decided; then nothing is adapted.
    let count = llama_n_threads(context.pointer)
    threadCount = count == llama_n_threads_batch(context.pointer) ? Int(count) : 1
    threads = threadCount
    rows = RowStorage(capacity: context.batchRows, shadow: plan.hasShadows ? plan.sequences : nil)
  }

  deinit {
    for buffer in keptLogits { buffer.deallocate() }
  }

  func useThreads(_ count: Int) {
    guard count != threads, count >= 1, count <= threadCount else { return }
    threads = count
    llama_set_n_threads(context.pointer, Int32(count), Int32(count))
  }

  func decode(_ batch: Batch) throws(RunnerError) {
    guard !batch.isEmpty else { return }
    guard batch.count <= maxBatchRows else { throw .failed("a batch of \(batch.count) rows exceeds \(maxBatchRows)") }
    guard batch.wantsLogits.reduce(0, { $0 + Int($1) }) <= maxOutputs else {
      throw .failed("more than \(maxOutputs) rows want logits")
    }
    guard rows.fill(with: batch.sequences, below: maxSequences) else {
      throw .failed("a sequence number is out of range")
    }
    firstCallRows = 0
    let decodeRows = batch.decodeRows
    guard prefixReuse == .anyPrefix, decodeRows > 0, batch.count - decodeRows >= PromptBudget.wideRows else {
      return try compute(batch, 0..<batch.count)
    }
    // Prompts in a call of their own: attention over many rows works in tiles that none of its rows may skip, so one row
    // of a generation would make every prompt row look at that generation's cells too.
    let prompts = decodeRows..<batch.count
    try compute(batch, prompts)
    keepLogits(of: batch, prompts)
    do throws(RunnerError) {
      try compute(batch, 0..<decodeRows)
    } catch {
      for row in prompts.reversed() { trimSequence(Int(batch.sequences[row]), from: Int(batch.positions[row])) }
      throw error
    }
  }

  private func compute(_ batch: Batch, _ range: Range<Int>) throws(RunnerError) {
    let start = range.lowerBound
    let status = batch.tokens.withUnsafeBufferPointer { tokens in
      batch.positions.withUnsafeBufferPointer { positions in
        batch.wantsLogits.withUnsafeBufferPointer { outputs in
          atelier_decode(
            context.pointer, Int32(range.count), tokens.baseAddress.map { $0 + start },
            positions.baseAddress.map { $0 + start }, rows.counts, rows.pointers + start,
            outputs.baseAddress.map { $0 + start })
        }
      }
    }
    switch status {
    case 0: return
    // Found no place for the rows before anything was computed: the memory is as it was.
    case 1: throw .outOfCells
    case -1: throw .failed("the engine refused the batch")
    default: throw .failed("the engine failed with status \(status)")
    }
  }

  /// The next call overwrites what this one gave.
  private func keepLogits(of batch: Batch, _ range: Range<Int>) {
    firstCallRows = range.lowerBound
    kept.removeAll(keepingCapacity: true)
    for row in range where batch.wantsLogits[row] != 0 {
      guard let source = llama_get_logits_ith(context.pointer, Int32(row - range.lowerBound)) else { continue }
      let index = kept.count
      if index == keptLogits.count { keptLogits.append(.allocate(capacity: vocabularySize)) }
      keptLogits[index].baseAddress?.update(from: source, count: vocabularySize)
      kept.append(row)
    }
  }

  func logits(row: Int) -> UnsafeMutableBufferPointer<Float> {
    if firstCallRows > 0, row >= firstCallRows {
      guard let index = kept.firstIndex(of: row) else { return UnsafeMutableBufferPointer(start: nil, count: 0) }
      return keptLogits[index]
    }
    guard let logits = llama_get_logits_ith(context.pointer, Int32(clamping: max(row, 0))) else {
      return UnsafeMutableBufferPointer(start: nil, count: 0)
    }
    return UnsafeMutableBufferPointer(start: logits, count: vocabularySize)
  }

  func copySequence(_ source: Int, to target: Int, count: Int) {
    guard isSequence(source), isSequence(target), source != target, count > 0 else { return }
    // A recurrent state is copied whatever the range; a checkpoint is restored over it. Some memories take no range.
    let isWhole = count > Int(llama_memory_seq_pos_max(memory, Int32(source)))
    let end = isWhole ? -1 : Int32(clamping: count)
    for offset in shadowOffsets {
      llama_memory_seq_cp(memory, Int32(source + offset), Int32(target + offset), -1, end)
    }
  }

  @discardableResult
  func trimSequence(_ sequence: Int, from position: Int) -> Bool {
    guard isSequence(sequence) else { return false }
    if position <= 0 {
      for offset in shadowOffsets { llama_memory_seq_rm(memory, Int32(sequence + offset), -1, -1) }
      return true
    }
    // Where the state cannot be cut, a checkpoint was restored; the rest is what lies beyond it. The memory refuses else.
    guard prefixReuse == .anyPrefix || Int(llama_memory_seq_pos_max(memory, Int32(sequence))) < position else {
      return false
    }
    var isCut = true
    for offset in shadowOffsets {
      isCut = llama_memory_seq_rm(memory, Int32(sequence + offset), Int32(clamping: position), -1) && isCut
    }
    return isCut
  }

  func saveCheckpoint(_ checkpoint: UInt64, of sequence: Int) -> Int? {
    isSequence(sequence) && prefixReuse != .anyPrefix ? checkpoints.save(checkpoint, of: sequence) : nil
  }

  func restoreCheckpoint(_ checkpoint: UInt64, to sequence: Int) -> Bool {
    isSequence(sequence) && checkpoints.restore(checkpoint, to: sequence)
  }

  func discardCheckpoint(_ checkpoint: UInt64) { checkpoints.discard(checkpoint) }

  func makeConstraint(_ constraint: GrammarConstraint) throws(RunnerError) -> any TokenConstraint {
    let grammar = try grammars.state(of: constraint, model: context.model)
    guard !constraint.triggers.isEmpty, let block = constraint.quietBlock else { return grammar }
    return QuietConstraint(grammar, block: block, tokenizer: tokenizer)
  }

  func isEndOfGeneration(_ token: Int32) -> Bool { tokenizer.isEndOfGeneration(token) }

  func idle() {}

  private var shadowOffsets: StrideTo<Int> { stride(from: 0, to: hasShadows ? maxSequences + 1 : 1, by: maxSequences) }

  private func isSequence(_ number: Int) -> Bool { number >= 0 && number < maxSequences }
}

/// The parts of a `llama_batch` that Swift arrays cannot give: a pointer per row to the row's sequences. Allocated once.
private final class RowStorage {
  private let sequences: UnsafeMutablePointer<Int32>
  private let rowPointers: UnsafeMutablePointer<UnsafeMutablePointer<Int32>?>
  private let rowCounts: UnsafeMutablePointer<Int32>
  private let shadow: Int32?

  /// `shadow`: every row belongs to a second sequence too, whose number is that much higher.
  init(capacity: Int, shadow: Int?) {
    let width = shadow == nil ? 1 : 2
    self.shadow = shadow.map { Int32($0) }
    sequences = .allocate(capacity: capacity * width)
    sequences.initialize(repeating: 0, count: capacity * width)
    rowCounts = .allocate(capacity: capacity)
    rowCounts.initialize(repeating: Int32(width), count: capacity)
    rowPointers = .allocate(capacity: capacity)
    for row in 0..<capacity { (rowPointers + row).initialize(to: sequences + row * width) }
  }

  deinit {
    sequences.deallocate()
    rowCounts.deallocate()
    rowPointers.deallocate()
  }

  var counts: UnsafePointer<Int32> { UnsafePointer(rowCounts) }
  var pointers: UnsafePointer<UnsafeMutablePointer<Int32>?> { UnsafePointer(rowPointers) }

  /// Sets the rows' sequences; false when one is out of range.
  func fill(with numbers: [Int32], below limit: Int) -> Bool {
    for (row, number) in numbers.enumerated() {
      guard number >= 0, number < limit else { return false }
      if let shadow {
        sequences[2 * row] = number
        sequences[2 * row + 1] = number + shadow
      } else {
        sequences[row] = number
      }
    }
    return true
  }
}
