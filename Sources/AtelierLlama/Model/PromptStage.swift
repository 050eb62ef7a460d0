import AtelierEngine
import CLlama

/// A second memory in which long prompts are computed while other sequences fill the first one.
///
/// Attention over many rows works in tiles, and a tile looks at every cell in use, whoever's it is: beside four
/// conversations of 2,000 tokens a prompt's row costs two to three times as much as alone. Here it meets its own cells only.
/// The first memory gets every piece as soon as it is computed, so that it holds all sequences at all times and no step has
/// to wait for a whole prompt to move over. Used by the engine's thread alone.
final class PromptStage {
  let context: LlamaContext
  private let main: SequenceCopier
  private let own: SequenceCopier
  /// By sequence: how many of its first positions are here, too.
  private var counts: [Int: Int] = [:]

  init?(_ context: LlamaContext, main: SequenceCopier) {
    guard let memory = llama_get_memory(context.pointer) else { return nil }
    self.context = context
    self.main = main
    own = SequenceCopier(context: context, memory: memory, spare: main.spare)
  }

  var isEmpty: Bool { counts.isEmpty }
  func holds(_ sequence: Int) -> Bool { counts[sequence] != nil }

  /// What attention saves must be worth copying the prefix here and the rows back. `others`: cells of other sequences.
  static func pays(rows: Int, prefix: Int, others: Int) -> Bool {
    rows >= PromptBudget.wideRows && others >= max(fewestOthers, (prefix + rows) / 16)
  }

  static let fewestOthers = 256

  /// Brings the sequence's first `count` positions here, so that it can go on. Those who are not about to go on leave.
  /// False when there is no room.
  func admit(_ sequence: Int, count: Int, rows: Int, beside others: Set<Int>) -> Bool {
    for other in counts.keys where other != sequence && !others.contains(other) { forget(other) }
    let present = counts[sequence] ?? 0
    let needed = counts.values.reduce(count - present + rows, +)
    guard present <= count, needed <= context.tokens else {
      forget(sequence)
      return false
    }
    counts[sequence] = present
    for start in stride(from: present, to: count, by: Self.positionsAtOnce) {
      let positions = start..<min(start + Self.positionsAtOnce, count)
      guard let missing = main.read(sequence, from: positions.lowerBound, to: positions.upperBound),
        own.write(missing, to: sequence, positions: positions)
      else {
        forget(sequence)
        return false
      }
    }
    counts[sequence] = count
    return true
  }

  /// The kernel clears a large buffer's pages each time, which takes ten times as long as the copy; a small one is reused.
  private static let positionsAtOnce = 256

  /// The sequence has computed that many more rows here, which the first memory gets. False when that fails: then the
  /// sequence is here no more.
  func share(_ sequence: Int, rows: Int) -> Bool {
    guard let count = counts[sequence] else { return false }
    guard let piece = own.read(sequence, from: count),
      main.write(piece, to: sequence, positions: count..<count + rows)
    else {
      forget(sequence)
      return false
    }
    counts[sequence] = count + rows
    return true
  }

  /// Forgets positions `position...` of the sequence as far as they are here.
  func trim(_ sequence: Int, from position: Int) {
    guard let count = counts[sequence], position < count else { return }
    guard position > 0 else { return forget(sequence) }
    llama_memory_seq_rm(own.memory, Int32(sequence), Int32(clamping: position), -1)
    counts[sequence] = position
  }

  func forget(_ sequence: Int) {
    guard counts.removeValue(forKey: sequence) != nil else { return }
    llama_memory_seq_rm(own.memory, Int32(sequence), -1, -1)
  }
}
