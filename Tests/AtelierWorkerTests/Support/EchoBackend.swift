import AtelierCore
import AtelierEngine
import AtelierText
import AtelierWorker
import Synchronization

/// A model of bytes that answers with the last message's text: token = byte, 0 ends a text, 1 ends a prompt. A message that
/// begins with `∞` is repeated for ever; one that begins with `💥` breaks the engine. The vector of an input holds its length
/// and a zero; of one that begins with `∅`, no number.
final class EchoBackend: ModelBackend {
  static let endOfPrompt: Int32 = 1

  let properties: EngineProperties
  /// The parser of the answers.
  private let makeParser: @Sendable () -> any OutputParser
  private let additionalStops: [String]
  private let rowsPerStep: Int
  let isReranker: Bool
  /// Inputs per engine step.
  let pooledInputs = Mutex<[Int]>([])
  /// Reading one image; nil: the model has no vision.
  private let readImage: (@Sendable () -> Void)?

  init(
    contextLength: Int = 4096, rowsPerStep: Int = 512, isReranker: Bool = false, additionalStops: [String] = [],
    makeParser: @escaping @Sendable () -> any OutputParser = { PlainTextParser() },
    readImage: (@Sendable () -> Void)? = nil
  ) {
    properties = EngineProperties(
      contextLength: contextLength, embeddingLength: 2, vocabularySize: 256, architecture: "echo",
      hasVision: readImage != nil, hasChatTemplate: true, parameterCount: 0, memoryBytes: 0)
    self.rowsPerStep = rowsPerStep
    self.isReranker = isReranker
    self.readImage = readImage
    self.additionalStops = additionalStops
    self.makeParser = makeParser
  }

  func makeRunner() throws(AtelierError) -> any ModelRunner {
    EchoRunner(cellCount: properties.contextLength, maxBatchRows: rowsPerStep)
  }

  func makePoolingRunner() throws(AtelierError) -> any PoolingRunner { EchoPoolingRunner(self) }

  func renderPrompt(
    _ request: EngineRequest, messages: [Message], for use: PromptUse
  ) throws(AtelierError) -> RenderedPrompt {
    if messages.isEmpty { throw AtelierError(.templateFailed, "The template wants a message.") }
    if case .generating(let proceed) = use {
      for case .image in messages.flatMap(\.content) {
        readImage?()
        guard proceed() else { throw .requestCancelled }
      }
    }
    let tokens = messages.flatMap { tokenize($0.text, addSpecial: false, parseSpecial: false) + [Self.endOfPrompt] }
    return RenderedPrompt(tokens: tokens, additionalStops: additionalStops, makeParser: makeParser)
  }

  func constraint(for format: ResponseFormat) throws(AtelierError) -> GrammarConstraint? {
    format == .text ? nil : GrammarConstraint(grammar: "\(format)")
  }

  func tokenize(_ text: String, addSpecial: Bool, parseSpecial: Bool) -> [Int32] {
    text.utf8.map { Int32($0) } + (addSpecial ? [Self.endOfPrompt] : [])
  }

  func piece(of token: Int32, preserved: Set<Int32>) -> [UInt8] { token > 1 ? [UInt8(token)] : [] }

  func rankInput(query: String, document: String) throws(AtelierError) -> [Int32] {
    tokenize(query + document, addSpecial: true, parseSpecial: false)
  }

  func rankScore(of vector: [Float]) -> Float { vector[0] }
}

/// Computes what `EchoBackend` promises.
private final class EchoRunner: ModelRunner {
  let cellCount: Int
  let maxBatchRows: Int
  let maxSequences = 8
  let vocabularySize = 256
  let prefixReuse = PrefixReuse.anyPrefix
  private var sequences = [[Int32]](repeating: [], count: 8)
  private var rows: [(sequence: Int, count: Int)] = []
  private let buffer = UnsafeMutableBufferPointer<Float>.allocate(capacity: 256)

  init(cellCount: Int, maxBatchRows: Int) {
    self.cellCount = cellCount
    self.maxBatchRows = maxBatchRows
  }

  deinit { buffer.deallocate() }

  func decode(_ batch: Batch) throws(RunnerError) {
    rows.removeAll(keepingCapacity: true)
    for row in 0..<batch.count {
      let sequence = Int(batch.sequences[row])
      sequences[sequence].append(batch.tokens[row])
      rows.append((sequence, sequences[sequence].count))
    }
    if rows.contains(where: { sequences[$0.sequence].starts(with: "💥".utf8.map { Int32($0) }) }) {
      throw .failed("/secret/path: broken")
    }
  }

  func logits(row: Int) -> UnsafeMutableBufferPointer<Float> {
    buffer.update(repeating: -10)
    let tokens = sequences[rows[row].sequence].prefix(rows[row].count)
    let end = tokens.lastIndex(of: EchoBackend.endOfPrompt) ?? 0
    let start = tokens[..<end].lastIndex(of: EchoBackend.endOfPrompt).map { $0 + 1 } ?? 0
    let text = tokens[start..<end]
    let said = tokens.count - end - 1
    let forever = text.starts(with: "∞".utf8.map { Int32($0) })
    let next = said < text.count || forever ? text[start + said % max(1, text.count)] : 0
    buffer[Int(next)] = 10
    return buffer
  }

  func copySequence(_ source: Int, to target: Int, count: Int) -> Bool {
    sequences[target] = Array(sequences[source].prefix(count))
    return true
  }

  func trimSequence(_ sequence: Int, from position: Int) -> Bool {
    sequences[sequence].removeLast(max(0, sequences[sequence].count - position))
    return true
  }

  func makeConstraint(_ constraint: GrammarConstraint) throws(RunnerError) -> any TokenConstraint {
    throw .invalidGrammar(constraint.grammar)
  }

  func isEndOfGeneration(_ token: Int32) -> Bool { token == 0 }
  func idle() {}
}

private final class EchoPoolingRunner: PoolingRunner {
  let laneCount = 1
  let rowsPerLane = 2048
  let maxRowsPerLane = 2048
  let inputsPerLane = 64
  let maxInputTokens: Int
  private let backend: EchoBackend

  init(_ backend: EchoBackend) {
    self.backend = backend
    maxInputTokens = backend.properties.contextLength
  }

  func pool(_ lanes: [[[Int32]]]) throws(RunnerError) -> [[[Float]]] {
    backend.pooledInputs.withLock { $0.append(lanes.joined().count) }
    if lanes.joined().contains(where: { $0.starts(with: "💥".utf8.map { Int32($0) }) }) {
      throw .failed("/secret/path: broken")
    }
    return lanes.map { lane in
      lane.map { $0.starts(with: "∅".utf8.map { Int32($0) }) ? [.nan, 0] : [Float($0.count), 0] }
    }
  }
}
