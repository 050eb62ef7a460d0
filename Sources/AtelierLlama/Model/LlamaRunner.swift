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
  private let copier: SequenceCopier
  private let parked: ParkedStates
  /// 0: there is none, or it could not be made.
  private var stageCells: Int
  /// Made once sequences have been computed side by side.
  private(set) var stage: PromptStage?
  private(set) var stageMaker: StageMaker?
  /// Several sequences have shared steps.
  private var wantsStage = false
  /// Seconds without work after which it is made.
  private static let rest = 1.0
  /// Positions of a prompt after which it waits for no better moment.
  private static let longPrompt = 256
  /// Whether each sequence has a shadow, numbered `maxSequences` higher, that holds the same cells.
  private let hasShadows: Bool
  private let maxOutputs: Int
  let cellCount: Int
  let maxBatchRows: Int
  let maxSequences: Int
  let vocabularySize: Int
  let prefixReuse: PrefixReuse
  let parking: ParkingLimits?
  let threadCount: Int
  private var threads: Int
  /// Rows of logits whose memory stays.
  private static let mostIdleLogits = 4
  /// Rows whose logits were kept because another call followed, and those.
  private var kept: [Int] = []
  private var keptLogits: [UnsafeMutableBufferPointer<Float>] = []
  /// Rows computed at once at most, where they see each other.
  private let maxWholeRows: Int
  /// Numbers that a picture's row has.
  private let inputWidth: Int
  /// By sequence; empty until the first picture that lies as a grid.
  private var layouts: [GridLayout] = []

  init(context: LlamaContext, memory: OpaquePointer, plan: MemoryPlan, grammars: GrammarCache) {
    self.context = context
    self.grammars = grammars
    self.memory = memory
    tokenizer = LlamaTokenizer(context.model)
    cellCount = context.tokens
    maxBatchRows = context.batchRows
    checkpoints = StateCheckpoints(context)
    copier = SequenceCopier(context: context, memory: memory, spare: Int32(plan.sequences))
    parked = ParkedStates(copier)
    stageCells = plan.stageCells
    hasShadows = plan.hasShadows
    maxSequences = plan.sequences
    maxOutputs = plan.sequences
    vocabularySize = tokenizer.vocabularySize
    prefixReuse = plan.reuse
    parking = plan.parking
    // Who gives two different counts has decided; then nothing is adapted.
    let count = llama_n_threads(context.pointer)
    threadCount = count == llama_n_threads_batch(context.pointer) ? Int(count) : 1
    threads = threadCount
    rows = RowStorage(capacity: context.batchRows, shadow: plan.hasShadows ? plan.sequences : nil)
    maxWholeRows = Int(llama_n_ubatch(context.pointer))
    inputWidth = Int(llama_model_n_embd_inp(context.model.pointer))
  }

  deinit {
    _ = stageMaker?.withdraw()
    for buffer in keptLogits { buffer.deallocate() }
  }

  func useThreads(_ count: Int) {
    guard count != threads, count >= 1, count <= threadCount else { return }
    threads = count
    llama_set_n_threads(context.pointer, Int32(count), Int32(count))
    if let stage { llama_set_n_threads(stage.context.pointer, Int32(count), Int32(count)) }
  }

  func decode(_ batch: Batch) throws(RunnerError) {
    var computed = 0
    do throws(RunnerError) {
      for picture in batch.media {
        try decode(picture)
        computed += 1
      }
      if batch.count > 0 { try decodeTokens(batch) }
    } catch {
      guard error == .outOfCells else { throw error }
      for picture in batch.media.prefix(computed) where !trimSequence(picture.sequence, from: picture.position) {
        throw .failed("a picture left no place for the tokens beside it and could not be taken back")
      }
      throw error
    }
  }

  private func decode(_ picture: Batch.MediaRows) throws(RunnerError) {
    let embedding = picture.embedding
    let count = picture.rows.count
    guard (0..<embedding.rows).contains(picture.rows), embedding.width == inputWidth, count <= maxBatchRows,
      !embedding.isWhole || (picture.rows.upperBound == embedding.rows && count <= maxWholeRows)
    else { throw .failed("rows \(picture.rows) of a picture cannot be computed") }
    guard isSequence(picture.sequence), rows.fill(with: Int32(picture.sequence), count: count) else {
      throw .failed("a sequence number is out of range")
    }
    let start = picture.position - picture.rows.lowerBound
    if let grid = embedding.grid {
      if layouts.isEmpty { layouts = Array(repeating: GridLayout(), count: maxSequences) }
      layouts[picture.sequence].add(start: start, rows: embedding.rows, positions: grid.positions)
    }
    let positions = positions(
      of: picture, start: layouts.isEmpty ? start : layouts[picture.sequence].position(of: start))
    let status = embedding.values.withUnsafeBufferPointer { values in
      atelier_decode_picture(
        context.pointer, Int32(count), values.baseAddress.map { $0 + picture.rows.lowerBound * inputWidth }, positions,
        rows.counts, rows.pointers, rows.noOutputs, embedding.isWhole)
    }
    if status != 0, !layouts.isEmpty, picture.rows.lowerBound == 0 { layouts[picture.sequence].cut(at: start) }
    try Self.check(status)
  }

  /// One number per row, or four after each other for a grid; `start` is the position of the picture's first row.
  private func positions(of picture: Batch.MediaRows, start: Int?) -> [Int32] {
    let start = Int32(clamping: start ?? 0)
    guard let grid = picture.embedding.grid else { return picture.rows.map { start + Int32($0) } }
    let rows = picture.embedding.rows
    let places = (0..<3).flatMap { dimension in picture.rows.map { start + grid.offsets[dimension * rows + $0] } }
    return places + repeatElement(0, count: picture.rows.count)
  }

  /// The batch's positions in the model's own counting.
  private func positions(of batch: Batch) -> [Int32] {
    guard !layouts.isEmpty else { return batch.positions }
    return zip(batch.positions, batch.sequences).map { position, sequence in
      layouts[Int(sequence)].position(of: Int(position)).map { Int32(clamping: $0) } ?? position
    }
  }

  private func decodeTokens(_ batch: Batch) throws(RunnerError) {
    guard batch.count <= maxBatchRows else { throw .failed("a batch of \(batch.count) rows exceeds \(maxBatchRows)") }
    guard batch.wantsLogits.reduce(0, { $0 + Int($1) }) <= maxOutputs else {
      throw .failed("more than \(maxOutputs) rows want logits")
    }
    guard rows.fill(with: batch.sequences, below: maxSequences) else {
      throw .failed("a sequence number is out of range")
    }
    kept.removeAll(keepingCapacity: true)
    let prompts = promptBlocks(of: batch)
    let staged = computeStaged(batch, prompts)
    let decodeRows = batch.decodeRows
    if staged.isEmpty {
      guard prefixReuse == .anyPrefix, decodeRows > 0, batch.count - decodeRows >= PromptBudget.wideRows else {
        return try compute(batch, 0..<batch.count)
      }
    }
    // Prompts in a call of their own: attention over many rows works in tiles that none of its rows may skip, so one row
    // of a generation would make every prompt row look at that generation's cells too.
    var done = staged
    do throws(RunnerError) {
      for block in Self.joined(prompts.filter { !staged.contains($0) }) {
        try compute(batch, block)
        done.append(block)
        keepLogits(of: batch, block, in: context)
      }
      if decodeRows > 0 { try compute(batch, 0..<decodeRows) }
    } catch {
      for row in done.joined().reversed() {
        trimSequence(Int(batch.sequences[row]), from: Int(batch.positions[row]))
      }
      throw error
    }
  }

  // MARK: Prompts beside others

  /// The rows of each prompt; all together where there is no stage.
  private func promptBlocks(of batch: Batch) -> [Range<Int>] {
    let rows = batch.decodeRows..<batch.count
    guard !rows.isEmpty else { return [] }
    guard stageCells > 0 else { return [rows] }
    var blocks: [Range<Int>] = []
    var start = rows.lowerBound
    for row in rows where row + 1 == rows.upperBound || batch.sequences[row + 1] != batch.sequences[row] {
      blocks.append(start..<row + 1)
      start = row + 1
    }
    return blocks
  }

  /// Blocks that follow each other as one: a call's weights are read once for all its rows.
  private static func joined(_ blocks: [Range<Int>]) -> [Range<Int>] {
    blocks.reduce(into: []) { joined, block in
      if let last = joined.last, last.upperBound == block.lowerBound {
        joined[joined.count - 1] = last.lowerBound..<block.upperBound
      } else {
        joined.append(block)
      }
    }
  }

  /// Computes the blocks that are better off in the stage. Those of which nothing can be said to the contrary are left.
  private func computeStaged(_ batch: Batch, _ blocks: [Range<Int>]) -> [Range<Int>] {
    guard stageCells > 0 else { return [] }
    if stage == nil { prepareStage(for: batch, blocks) }
    guard let stage else { return [] }
    let wanted = blocks.filter { block in
      let sequence = Int(batch.sequences[block.lowerBound])
      let prefix = Int(batch.positions[block.lowerBound])
      return stage.holds(sequence)
        || (layouts.isEmpty
          && PromptStage.pays(rows: block.count, prefix: prefix, others: batch.cellsInUse - prefix))
    }
    let sequences = Set(wanted.map { Int(batch.sequences[$0.lowerBound]) })
    var done: [Range<Int>] = []
    for block in wanted {
      let sequence = Int(batch.sequences[block.lowerBound])
      guard stage.admit(sequence, count: Int(batch.positions[block.lowerBound]), rows: block.count, beside: sequences),
        decode(batch, block, in: stage.context) == 0, stage.share(sequence, rows: block.count)
      else {
        stage.forget(sequence)
        continue
      }
      done.append(block)
      keepLogits(of: batch, block, in: stage.context)
      // A complete prompt generates from the next step on.
      if batch.wantsLogits[block.upperBound - 1] != 0 { stage.forget(sequence) }
    }
    return done
  }

  var isMakingStage: Bool { stageMaker != nil && stage == nil && stageCells > 0 }

  /// Takes the stage once it is ready. It is made for those who share their steps: when the engine rests for a while, as the
  /// making takes a core and a step's threads need all, or at once for a prompt that has proved to be long.
  private func prepareStage(for batch: Batch, _ blocks: [Range<Int>]) {
    if let stageMaker {
      if let made = stageMaker.take() {
        self.stageMaker = nil
        return useStage(made)
      }
      guard stageMaker.withdraw() else { return }
      self.stageMaker = nil
    }
    let isShared = batch.decodeRows > 1 || (batch.decodeRows > 0 && batch.count > batch.decodeRows)
    guard isShared, batch.cellsInUse >= PromptStage.fewestOthers else { return }
    wantsStage = true
    let isUrgent = blocks.contains { block in
      let prefix = Int(batch.positions[block.lowerBound])
      return prefix >= Self.longPrompt
        && PromptStage.pays(rows: block.count, prefix: prefix, others: batch.cellsInUse - prefix)
    }
    if isUrgent { stageMaker = StageMaker(context, tokens: stageCells, after: 0) }
  }

  /// nil: there is none, and there will be none.
  func useStage(_ made: LlamaContext?) {
    stage = made.flatMap { PromptStage($0, main: copier) }
    guard let stage else { return stageCells = 0 }
    llama_set_n_threads(stage.context.pointer, Int32(threads), Int32(threads))
  }

  /// Makes the stage before it is of use.
  func makeStage() { useStage(context.sibling(tokens: stageCells)) }

  private func compute(_ batch: Batch, _ range: Range<Int>) throws(RunnerError) {
    try Self.check(decode(batch, range, in: context))
  }

  private func decode(_ batch: Batch, _ range: Range<Int>, in context: LlamaContext) -> Int32 {
    let start = range.lowerBound
    return batch.tokens.withUnsafeBufferPointer { tokens in
      positions(of: batch).withUnsafeBufferPointer { positions in
        batch.wantsLogits.withUnsafeBufferPointer { outputs in
          atelier_decode(
            context.pointer, Int32(range.count), tokens.baseAddress.map { $0 + start },
            positions.baseAddress.map { $0 + start }, rows.counts, rows.pointers + start,
            outputs.baseAddress.map { $0 + start })
        }
      }
    }
  }

  private static func check(_ status: Int32) throws(RunnerError) {
    switch status {
    case 0: return
    // Found no place for the rows before anything was computed: the memory is as it was.
    case 1: throw .outOfCells
    case -1: throw .failed("the engine refused the batch")
    default: throw .failed("the engine failed with status \(status)")
    }
  }

  /// The next call overwrites what this one gave.
  private func keepLogits(of batch: Batch, _ range: Range<Int>, in context: LlamaContext) {
    for row in range where batch.wantsLogits[row] != 0 {
      guard let source = llama_get_logits_ith(context.pointer, Int32(row - range.lowerBound)) else { continue }
      let index = kept.count
      if index == keptLogits.count { keptLogits.append(.allocate(capacity: vocabularySize)) }
      keptLogits[index].baseAddress?.update(from: source, count: vocabularySize)
      kept.append(row)
    }
  }

  func logits(row: Int) -> UnsafeMutableBufferPointer<Float> {
    if let index = kept.firstIndex(of: row) { return keptLogits[index] }
    guard let logits = llama_get_logits_ith(context.pointer, Int32(clamping: max(row, 0))) else {
      return UnsafeMutableBufferPointer(start: nil, count: 0)
    }
    return UnsafeMutableBufferPointer(start: logits, count: vocabularySize)
  }

  @discardableResult
  func copySequence(_ source: Int, to target: Int, count: Int) -> Bool {
    guard isSequence(source), isSequence(target), source != target, count > 0 else { return true }
    stage?.forget(target)
    if !layouts.isEmpty { layouts[target] = layouts[source].prefix(count) }
    // A recurrent state is copied whatever the range; a checkpoint is restored over it. Some memories take no range.
    let place = position(of: count, in: source) ?? count
    let isWhole = place > Int(llama_memory_seq_pos_max(memory, Int32(source)))
    let end = isWhole ? -1 : Int32(clamping: place)
    for offset in shadowOffsets {
      llama_memory_seq_cp(memory, Int32(source + offset), Int32(target + offset), -1, end)
    }
    return true
  }

  @discardableResult
  func trimSequence(_ sequence: Int, from position: Int) -> Bool {
    guard isSequence(sequence) else { return false }
    stage?.trim(sequence, from: position)
    if position <= 0 {
      for offset in shadowOffsets { llama_memory_seq_rm(memory, Int32(sequence + offset), -1, -1) }
      cutLayout(of: sequence, at: 0)
      return true
    }
    // A picture's rows share positions, so it is not cut.
    guard let place = self.position(of: position, in: sequence) else { return false }
    // Where the state cannot be cut, a checkpoint was restored; the rest is what lies beyond it. The memory refuses else.
    guard prefixReuse == .anyPrefix || Int(llama_memory_seq_pos_max(memory, Int32(sequence))) < place else {
      return false
    }
    var isCut = true
    for offset in shadowOffsets {
      isCut = llama_memory_seq_rm(memory, Int32(sequence + offset), Int32(clamping: place), -1) && isCut
    }
    if isCut { cutLayout(of: sequence, at: position) }
    return isCut
  }

  /// The model's own position of a token of the sequence; nil among a picture's rows that lie as a grid.
  private func position(of index: Int, in sequence: Int) -> Int? {
    layouts.isEmpty ? index : layouts[sequence].position(of: index)
  }

  private func cutLayout(of sequence: Int, at index: Int) {
    if !layouts.isEmpty { layouts[sequence].cut(at: index) }
  }

  func saveCheckpoint(_ checkpoint: UInt64, of sequence: Int) -> Int? {
    isSequence(sequence) && prefixReuse != .anyPrefix ? checkpoints.save(checkpoint, of: sequence) : nil
  }

  func restoreCheckpoint(_ checkpoint: UInt64, to sequence: Int) -> Bool {
    isSequence(sequence) && checkpoints.restore(checkpoint, to: sequence)
  }

  func discardCheckpoint(_ checkpoint: UInt64) { checkpoints.discard(checkpoint) }

  func parkSegment(_ segment: UInt64, of sequence: Int, from position: Int) -> Int? {
    guard parking != nil, isSequence(sequence) else { return nil }
    return parked.save(segment, of: sequence, from: position)
  }

  func unparkSegment(_ segment: UInt64, to sequence: Int, positions: Range<Int>) -> Bool {
    guard parking != nil, isSequence(sequence),
      Int(llama_memory_seq_pos_max(memory, Int32(sequence))) == positions.lowerBound - 1
    else { return false }
    return parked.restore(segment, to: sequence, positions: positions)
  }

  func releaseSegment(_ segment: UInt64) { parked.release(segment) }

  func makeConstraint(_ constraint: GrammarConstraint) throws(RunnerError) -> any TokenConstraint {
    guard let limit = constraint.reasoningLimit else { return try makeGrammar(constraint) }
    var rest = constraint
    rest.reasoningLimit = nil
    return ReasoningLimiter(
      limit, around: rest.grammar.isEmpty ? nil : try makeGrammar(rest), tokenizer: tokenizer)
  }

  private func makeGrammar(_ constraint: GrammarConstraint) throws(RunnerError) -> any TokenConstraint {
    let grammar = try grammars.state(of: constraint, model: context.model)
    guard !constraint.triggers.isEmpty, let block = constraint.quietBlock else { return grammar }
    return QuietConstraint(grammar, block: block, tokenizer: tokenizer)
  }

  func isEndOfGeneration(_ token: Int32) -> Bool { tokenizer.isEndOfGeneration(token) }

  /// A prompt whose probabilities were told has left many rows of logits.
  func idle() {
    kept.removeAll(keepingCapacity: true)
    while keptLogits.count > Self.mostIdleLogits { keptLogits.removeLast().deallocate() }
    if wantsStage, stageMaker == nil, stage == nil, stageCells > 0 {
      stageMaker = StageMaker(context, tokens: stageCells, after: Self.rest)
    }
  }

  private var shadowOffsets: StrideTo<Int> { stride(from: 0, to: hasShadows ? maxSequences + 1 : 1, by: maxSequences) }

  private func isSequence(_ number: Int) -> Bool { number >= 0 && number < maxSequences }
}

/// The parts of a `llama_batch` that Swift arrays cannot give: a pointer per row to the row's sequences. Allocated once.
private final class RowStorage {
  private let sequences: UnsafeMutablePointer<Int32>
  private let rowPointers: UnsafeMutablePointer<UnsafeMutablePointer<Int32>?>
  private let rowCounts: UnsafeMutablePointer<Int32>
  private let zeros: UnsafeMutablePointer<Int8>
  private let shadow: Int32?
  private let capacity: Int

  /// `shadow`: every row belongs to a second sequence too, whose number is that much higher.
  init(capacity: Int, shadow: Int?) {
    let width = shadow == nil ? 1 : 2
    self.shadow = shadow.map { Int32($0) }
    self.capacity = capacity
    sequences = .allocate(capacity: capacity * width)
    sequences.initialize(repeating: 0, count: capacity * width)
    rowCounts = .allocate(capacity: capacity)
    rowCounts.initialize(repeating: Int32(width), count: capacity)
    zeros = .allocate(capacity: capacity)
    zeros.initialize(repeating: 0, count: capacity)
    rowPointers = .allocate(capacity: capacity)
    for row in 0..<capacity { (rowPointers + row).initialize(to: sequences + row * width) }
  }

  deinit {
    sequences.deallocate()
    rowCounts.deallocate()
    zeros.deallocate()
    rowPointers.deallocate()
  }

  var counts: UnsafePointer<Int32> { UnsafePointer(rowCounts) }
  var pointers: UnsafePointer<UnsafeMutablePointer<Int32>?> { UnsafePointer(rowPointers) }

  var noOutputs: UnsafePointer<Int8> { UnsafePointer(zeros) }

  /// Sets the sequence of the first rows; false when there are not so many.
  func fill(with number: Int32, count: Int) -> Bool {
    guard count <= capacity else { return false }
    for row in 0..<count { set(number, row) }
    return true
  }

  /// Sets the rows' sequences; false when one is out of range.
  func fill(with numbers: [Int32], below limit: Int) -> Bool {
    for (row, number) in numbers.enumerated() {
      guard number >= 0, number < limit else { return false }
      set(number, row)
    }
    return true
  }

  private func set(_ number: Int32, _ row: Int) {
    if let shadow {
      sequences[2 * row] = number
      sequences[2 * row + 1] = number + shadow
    } else {
      sequences[row] = number
    }
  }
}
