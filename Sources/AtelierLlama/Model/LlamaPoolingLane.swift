import AtelierCore
import AtelierEngine
import CLlama
import CLlamaBridge

/// One context that pools, and the storage of its batch. Used by one thread at a time.
final class LlamaPoolingLane {
  static let maxInputs = 64

  let context: LlamaContext
  private let memory: OpaquePointer?
  private let maxRows: Int
  private let vectorLength: Int
  private let order = TileOrder(tile: 64)
  private var tokens: [Int32] = []
  private var positions: [Int32] = []
  private var sequences: [Int32] = []

  /// `rows`: tokens of a batch at most.
  init(_ model: LlamaModel, _ shared: llama_context_params, rows: Int) throws(AtelierError) {
    var parameters = shared
    // llama.cpp measures its buffers with the rows spread evenly over the sequences, and aborts when that leaves a rest.
    let whole = UInt32(clamping: (rows + Self.maxInputs - 1) / Self.maxInputs * Self.maxInputs)
    parameters.n_ctx = whole
    parameters.n_batch = whole
    // Pooling needs an input whole in one call.
    parameters.n_ubatch = whole
    parameters.n_seq_max = UInt32(Self.maxInputs)
    context = try LlamaContext(model, parameters)
    memory = llama_get_memory(context.pointer)
    maxRows = min(context.batchRows, Int(llama_n_ubatch(context.pointer)))
    let isReranker = llama_pooling_type(context.pointer) == LLAMA_POOLING_TYPE_RANK
    vectorLength = Int(
      isReranker ? Int32(clamping: llama_model_n_cls_out(model.pointer)) : llama_model_n_embd_out(model.pointer))
  }

  /// Encoders keep nothing between calls; decoders do.
  var hasMemory: Bool { memory != nil }

  func compute(_ inputs: [[Int32]], threads: Int) -> Result<[[Float]], RunnerError> {
    let rows = inputs.reduce(0) { $0 + $1.count }
    guard inputs.count <= Self.maxInputs, rows <= maxRows, inputs.allSatisfy({ !$0.isEmpty }) else {
      return .failure(.failed("\(inputs.count) inputs of \(rows) tokens do not fit a lane of \(maxRows)"))
    }
    tokens.removeAll(keepingCapacity: true)
    positions.removeAll(keepingCapacity: true)
    sequences.removeAll(keepingCapacity: true)
    for input in order.places(of: inputs.map(\.count)) {
      tokens += inputs[input]
      positions += 0..<Int32(inputs[input].count)
      sequences += repeatElement(Int32(input), count: inputs[input].count)
    }
    llama_set_n_threads(context.pointer, Int32(clamping: threads), Int32(clamping: threads))
    defer { if let memory { llama_memory_clear(memory, false) } }
    let counts = [Int32](repeating: 1, count: rows)
    let outputs = [Int8](repeating: 1, count: rows)
    let status = sequences.withUnsafeMutableBufferPointer { numbers in
      let pointers = numbers.indices.map { row in numbers.baseAddress.map { $0 + row } }
      return atelier_decode(context.pointer, Int32(rows), tokens, positions, counts, pointers, outputs)
    }
    guard status == 0 else { return .failure(.failed("the engine failed with status \(status)")) }
    var vectors: [[Float]] = []
    vectors.reserveCapacity(inputs.count)
    for sequence in 0..<Int32(inputs.count) {
      guard let values = llama_get_embeddings_seq(context.pointer, sequence) else {
        return .failure(.failed("the engine gave no vector"))
      }
      vectors.append(Array(UnsafeBufferPointer(start: values, count: vectorLength)))
    }
    return .success(vectors)
  }
}
