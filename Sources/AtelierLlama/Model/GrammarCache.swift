import AtelierCore
import AtelierEngine
import AtelierText
import Synchronization

/// Grammars that were made lately: their text by what it was made from, and their compiled state, which every sequence gets
/// a copy of. Any thread may use it.
final class GrammarCache: Sendable {
  private struct Entry {
    /// Only copied, under the lock.
    var state: LlamaGrammar
    var cost: Int
    var lastUsed: UInt64
  }

  private struct State {
    var texts: [AnswerGrammar: (text: String, lastUsed: UInt64)] = [:]
    var textBytes = 0
    var compiled: [GrammarConstraint: Entry] = [:]
    var cost = 0
    var clock: UInt64 = 0
  }

  /// Threat model: 64 entries, 32 MiB.
  private static let maxEntries = 64
  private static let maxTextBytes = 8 << 20
  private static let maxCompiledBytes = 24 << 20

  /// Texts that are kept, and the bytes that count for them.
  var keptTexts: (count: Int, bytes: Int) { state.withLock { ($0.value.texts.count, $0.value.textBytes) } }

  private let state = Mutex(SendableState(State()))

  /// The mutex guards the compiled states, which are classes of one thread at a time.
  private struct SendableState: @unchecked Sendable {
    var value: State
    init(_ value: State) { self.value = value }
  }

  /// Throws what `compiled` throws.
  func text(of answer: AnswerGrammar) throws(AtelierError) -> String {
    let known = state.withLock { state -> String? in
      state.value.clock += 1
      state.value.texts[answer]?.lastUsed = state.value.clock
      return state.value.texts[answer]?.text
    }
    if let known { return known }
    let text = try answer.compiled()
    state.withLock { state in
      let cost = Self.cost(of: answer, text)
      guard cost <= Self.maxTextBytes, state.value.texts[answer] == nil else { return }
      state.value.clock += 1
      state.value.texts[answer] = (text, state.value.clock)
      state.value.textBytes += cost
      while state.value.texts.count > Self.maxEntries || state.value.textBytes > Self.maxTextBytes,
        let oldest = state.value.texts.min(by: { $0.value.lastUsed < $1.value.lastUsed })
      {
        state.value.texts[oldest.key] = nil
        state.value.textBytes -= Self.cost(of: oldest.key, oldest.value.text)
      }
    }
    return text
  }

  /// A state of the sequence's own. Throws `invalidGrammar`.
  func state(of constraint: GrammarConstraint, model: LlamaModel) throws(RunnerError) -> LlamaGrammar {
    let copied = state.withLock { state -> Result<LlamaGrammar, RunnerError>? in
      state.value.clock += 1
      guard let entry = state.value.compiled[constraint] else { return nil }
      state.value.compiled[constraint]?.lastUsed = state.value.clock
      return Self.copy(entry.state)
    }
    if let copied { return try copied.get() }
    let made = try LlamaGrammar(constraint, model: model)
    let cost = Self.compiledCost(of: constraint.grammar)
    guard cost <= Self.maxCompiledBytes, case .success(let kept) = Self.copy(made) else { return made }
    state.withLock { state in
      guard state.value.compiled[constraint] == nil else { return }
      state.value.clock += 1
      state.value.compiled[constraint] = Entry(state: kept, cost: cost, lastUsed: state.value.clock)
      state.value.cost += cost
      while state.value.compiled.count > Self.maxEntries || state.value.cost > Self.maxCompiledBytes,
        let oldest = state.value.compiled.min(by: { $0.value.lastUsed < $1.value.lastUsed })
      {
        state.value.compiled[oldest.key] = nil
        state.value.cost -= oldest.value.cost
      }
    }
    return made
  }

  private static func copy(_ grammar: LlamaGrammar) -> Result<LlamaGrammar, RunnerError> {
    do throws(RunnerError) {
      return .success(try LlamaGrammar(copying: grammar))
    } catch {
      return .failure(error)
    }
  }

  private static func cost(of answer: AnswerGrammar, _ text: String) -> Int {
    let tools = answer.tools.reduce(0) { $0 + $1.name.utf8.count + ($1.parametersJSON?.utf8.count ?? 0) }
    return text.utf8.count + (answer.schemaJSON?.utf8.count ?? 0) + (answer.alternative?.utf8.count ?? 0) + tools
  }

  /// Bytes of llama.cpp's form at most: an element of 8 bytes per character and a rule's overhead, and a rule per possible
  /// repetition.
  private static func compiledCost(of grammar: String) -> Int {
    var repetitions = 0
    var number: Int?
    for byte in grammar.utf8 {
      switch byte {
      case UInt8(ascii: "{"): number = 0
      case UInt8(ascii: ","): number = number.map { _ in 0 }
      case UInt8(ascii: "0")...UInt8(ascii: "9"): number = number.map { min($0 * 10 + Int(byte) - 48, 1 << 20) }
      case UInt8(ascii: "}"):
        repetitions += number ?? 0
        number = nil
      default: number = nil
      }
    }
    return grammar.utf8.count * 24 + repetitions * 64
  }
}
