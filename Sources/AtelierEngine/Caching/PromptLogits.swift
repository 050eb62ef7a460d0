/// The model's logits after whole prompts that were computed lately. Who asks the same prompt again (another choice,
/// another try, a classification that comes in thousands) gets a first token without a step of the engine.
package struct PromptLogits: Sendable {
  private struct Entry: Sendable {
    var prompt: [Int32]
    var logits: [Float]
    var lastUsed: UInt64
  }

  private let maxEntries: Int
  private var entries: [Entry] = []
  private var clock: UInt64 = 0

  /// Keeps at most `byteLimit` bytes of logits, and no more than 64 prompts.
  package init(vocabularySize: Int, byteLimit: Int = 16 << 20) {
    maxEntries = min(64, byteLimit / max(1, vocabularySize * MemoryLayout<Float>.size))
  }

  package var count: Int { entries.count }

  /// The logits after exactly these tokens.
  package mutating func logits(after prompt: [Int32]) -> [Float]? {
    guard let index = entries.firstIndex(where: { $0.prompt == prompt }) else { return nil }
    clock += 1
    entries[index].lastUsed = clock
    return entries[index].logits
  }

  package mutating func store(_ logits: UnsafeMutableBufferPointer<Float>, after prompt: [Int32]) {
    guard maxEntries > 0, !logits.isEmpty else { return }
    clock += 1
    if let index = entries.firstIndex(where: { $0.prompt == prompt }) {
      entries[index].lastUsed = clock
      return
    }
    let entry = Entry(prompt: prompt, logits: Array(logits), lastUsed: clock)
    if entries.count < maxEntries {
      entries.append(entry)
    } else if let oldest = entries.indices.min(by: { entries[$0].lastUsed < entries[$1].lastUsed }) {
      entries[oldest] = entry
    }
  }
}
