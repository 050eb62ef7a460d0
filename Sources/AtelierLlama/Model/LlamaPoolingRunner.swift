import AtelierCore
import AtelierEngine
import CLlama
import CLlamaBridge

/// `PoolingRunner` over one llama.cpp context per lane, all on the same weights.
///
/// llama.cpp aborts the process on wrong use, so every argument is checked here first.
///
/// `@unchecked Sendable`: handed over once, from the loading thread to the engine's thread.
final class LlamaPoolingRunner: PoolingRunner, @unchecked Sendable {
  let laneCount: Int
  let rowsPerLane: Int
  let maxRowsPerLane = 512
  let inputsPerLane = LlamaPoolingLane.maxInputs
  let maxInputTokens: Int
  /// Whether the vectors are a classifier's scores.
  let isReranker: Bool

  private let threads: Int
  private let first: LlamaPoolingLane
  private let others: [LaneThread]

  /// Lanes at most: each has buffers of its own.
  private static let maxLanes = 8
  /// With fewer rows the weights are badly used; with more of them the attention costs ever more, because it looks at all
  /// rows of a batch though only those of one text matter. Measured with all-MiniLM-L6-v2 on one core, texts of about 20
  /// tokens: 64 rows 0.73, 128 to 384 rows 0.96 to 1, 1024 rows 0.88 of the best.
  private static let goodRows = 256

  init(_ model: LlamaModel, _ configuration: LoadConfiguration) throws(AtelierError) {
    let trained = Int(llama_model_n_ctx_train(model.pointer))
    maxInputTokens = max(1, min(configuration.contextLength, trained > 0 ? trained : configuration.contextLength))
    var parameters = try LlamaContext.parameters(configuration)
    parameters.embeddings = true
    threads = Int(max(parameters.n_threads_batch, 1))
    let rows = max(maxInputTokens, maxRowsPerLane)
    var lane = try LlamaPoolingLane(model, parameters, rows: rows)
    if llama_pooling_type(lane.context.pointer) == LLAMA_POOLING_TYPE_NONE {
      parameters.pooling_type = LLAMA_POOLING_TYPE_MEAN
      lane = try LlamaPoolingLane(model, parameters, rows: rows)
    }
    first = lane
    isReranker = llama_pooling_type(lane.context.pointer) == LLAMA_POOLING_TYPE_RANK
    // A decoder's context also holds a cache and room for the logits of every row: one is enough of that.
    laneCount = lane.hasMemory ? 1 : min(threads, Self.maxLanes)
    let together = threads / laneCount > 1 ? 2 * Self.goodRows : Self.goodRows
    rowsPerLane = min(together, max(configuration.evalBatchSize, 1), maxRowsPerLane)
    var lanes: [LlamaPoolingLane] = []
    while lanes.count + 1 < laneCount {
      lanes.append(try LlamaPoolingLane(model, parameters, rows: maxRowsPerLane))
    }
    others = lanes.map { LaneThread($0) }
  }

  deinit { for lane in others { lane.stop() } }

  func pool(_ lanes: [[[Int32]]]) throws(RunnerError) -> [[[Float]]] {
    let used = lanes.count { !$0.isEmpty }
    guard used <= laneCount, lanes[..<used].allSatisfy({ !$0.isEmpty }) else {
      throw .failed("\(lanes.count) lanes, of which \(used) hold inputs")
    }
    guard used > 0 else { return lanes.map { _ in [] } }
    let share = used == 1 ? threads : max(1, threads / laneCount)
    for lane in 1..<max(used, 1) { others[lane - 1].begin(lanes[lane], threads: share) }
    var results = [first.compute(lanes[0], threads: share)]
    // Waited for also when the first lane failed: the next call finds them at rest.
    for lane in 1..<max(used, 1) { results.append(others[lane - 1].finish()) }
    var vectors: [[[Float]]] = []
    for result in results { vectors.append(try result.get()) }
    return vectors + lanes[used...].map { _ in [] }
  }
}
