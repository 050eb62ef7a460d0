import AtelierEngine
import CLlama

/// A second, initially empty memory in which long prompts are computed while other sequences fill the first one.
///
/// Attention over many rows works in tiles, and a tile looks at every cell in use, whoever's it is: beside four
/// conversations of 2,000 tokens a prompt's row costs two to three times as much as alone. Here it meets its own cells only;
/// what is computed moves over when the prompt is complete or somebody else needs it. The first memory's cells are
/// accounted for all the time, so there is always room for it. Used by the engine's thread alone.
final class PromptStage {
  let context: LlamaContext
  private let main: SequenceCopier
  private let own: SequenceCopier
  /// By sequence: positions that only this memory holds.
  private var held: [Int: Range<Int>] = [:]

  init?(_ context: LlamaContext, main: SequenceCopier) {
    guard let memory = llama_get_memory(context.pointer) else { return nil }
    self.context = context
    self.main = main
    own = SequenceCopier(context: context, memory: memory, spare: main.spare)
  }

  var isEmpty: Bool { held.isEmpty }
  func holds(_ sequence: Int) -> Bool { held[sequence] != nil }

  /// What attention saves must be worth copying the prefix here and the rows back. `others`: cells of other sequences.
  static func pays(rows: Int, prefix: Int, others: Int) -> Bool {
    rows >= PromptBudget.wideRows && others >= max(512, (prefix + rows) / 4)
  }

  /// Brings the sequence's `count` positions here, so that it can go on. Those who are not about to go on leave. False when
  /// there is no room.
  func admit(_ sequence: Int, count: Int, rows: Int, beside others: Set<Int>) -> Bool {
    for other in held.keys where other != sequence && !others.contains(other) {
      guard leave(other) else { return false }
    }
    if let range = held[sequence] { return range.upperBound == count && fits(rows) }
    guard fits(count + rows) else { return false }
    if count > 0 {
      guard let prefix = main.read(sequence, from: 0), own.write(prefix, to: sequence, positions: 0..<count) else {
        forget(sequence)
        return false
      }
    }
    held[sequence] = count..<count
    return true
  }

  private func fits(_ cells: Int) -> Bool {
    held.values.reduce(cells) { $0 + $1.upperBound } <= context.tokens
  }

  /// The sequence has computed that many more rows here.
  func advance(_ sequence: Int, by rows: Int) {
    if let range = held[sequence] { held[sequence] = range.lowerBound..<range.upperBound + rows }
  }

  /// Moves what only this memory holds of the sequence to the first one. False when that fails: then it is still here.
  func leave(_ sequence: Int) -> Bool {
    guard let range = held[sequence] else { return true }
    if !range.isEmpty {
      guard let state = own.read(sequence, from: range.lowerBound),
        main.write(state, to: sequence, positions: range)
      else { return false }
    }
    forget(sequence)
    return true
  }

  /// Forgets positions `position...` of the sequence as far as they are here.
  func trim(_ sequence: Int, from position: Int) {
    guard let range = held[sequence], position < range.upperBound else { return }
    guard position > range.lowerBound else { return forget(sequence) }
    llama_memory_seq_rm(own.memory, Int32(sequence), Int32(clamping: position), -1)
    held[sequence] = range.lowerBound..<position
  }

  private func forget(_ sequence: Int) {
    held[sequence] = nil
    llama_memory_seq_rm(own.memory, Int32(sequence), -1, -1)
  }
}
