import AtelierCore
import AtelierEngine
import CLlama

/// How a model's memory is laid out, and with it which prefixes can be reused.
///
/// - Full attention: any prefix, cut anywhere; idle sequences can be kept in host memory.
/// - Recurrent and hybrid: a state per sequence that only grows. Checkpoints.
/// - Sliding window: llama.cpp keeps either the last window of each sequence (checkpoints), or, at a full size, every
///   position, so that it can be cut anywhere. The full size is taken where it costs no more than checkpoints may take:
///   cuts are exact and copy nothing, a checkpoint of Gemma 3 270M is 7.5 MiB.
///
/// Even a cache of full size gives the cell of a position outside the window away while other cells are free, unless two
/// sequences hold it. So every sequence gets a shadow there: a second number that holds the same cells.
struct MemoryPlan: Equatable {
  enum Kind: Equatable { case fullAttention, fullWindow, window, compressed, recurrent, hybrid }

  var kind: Kind
  /// Sequence numbers for the engine.
  var sequences: Int
  /// Bytes that checkpoints may take.
  var checkpointBytes = 0
  /// Bytes of idle sequences in host memory; 0: none are kept there.
  var parkedBytes = 0
  /// Bytes of keys and values of one position in all layers.
  var positionBytes = 0

  /// Cells of a second memory for prompts beside others (`PromptStage`), made when sequences first run side by side; 0: none.
  var stageCells = 0

  /// What is taken beyond the cache itself stays bounded whatever the model. A cache much larger than that could not be
  /// kept in host memory in good part, and its model's attention is a small part of a step.
  private static let mostParkedBytes: Int64 = 256 << 20
  private static let mostStageBytes: Int64 = 192 << 20
  private static let fewestStageCells: Int64 = 2048

  /// What of a model decides.
  struct Facts: Equatable {
    var isRecurrent = false
    var isHybrid = false
    /// Tokens; 0: none.
    var window = 0
    /// Older positions are kept compressed: such a memory is only copied whole.
    var isCompressed = false
    /// Bytes of keys and values of one position in all layers.
    var positionBytes: Int64 = 0
    var weights: Int64 = 0
  }

  init(_ facts: Facts, parallel: Int, contextLength: Int, physicalBatch: Int) {
    let stateful = CheckpointBudget.sequences(parallel: parallel)
    let budget = CheckpointBudget.bytes(weights: facts.weights)
    sequences = stateful
    checkpointBytes = Int(clamping: budget)
    positionBytes = Int(clamping: facts.positionBytes)
    if facts.isHybrid {
      kind = .hybrid
    } else if facts.isRecurrent {
      kind = .recurrent
    } else if facts.window == 0 {
      kind = .fullAttention
      // A number costs nothing but a row of logits.
      sequences = max(64, parallel * 4)
      checkpointBytes = 0
      let (cache, overflow) = Int64(contextLength).multipliedReportingOverflow(by: facts.positionBytes)
      if !overflow, cache <= 3 * Self.mostParkedBytes { parkedBytes = Int(min(cache, Self.mostParkedBytes)) }
      let cells = min(Int64(contextLength), Self.mostStageBytes / max(1, facts.positionBytes))
      if facts.positionBytes > 0, cells >= Self.fewestStageCells, parallel > 1 { stageCells = Int(cells) }
    } else if facts.isCompressed {
      kind = .compressed
      checkpointBytes = 0
    } else {
      // Which layers have the window is not told: all of them, which counts the full size too high rather than too low.
      let windows = min(contextLength, facts.window * stateful + physicalBatch)
      let (extra, overflow) = Int64(contextLength - windows).multipliedReportingOverflow(by: facts.positionBytes)
      kind = !overflow && extra <= budget ? .fullWindow : .window
      if kind == .fullWindow {
        sequences = max(16, parallel * 3)
        checkpointBytes = 0
      }
    }
  }

  init(_ model: LlamaModel, _ parameters: llama_context_params, parallel: Int) {
    self.init(
      Facts(model, parameters), parallel: parallel, contextLength: Int(parameters.n_ctx),
      physicalBatch: Int(parameters.n_ubatch))
    // Where attention is computed elsewhere, nothing is known of what a prompt beside others costs.
    if llama_supports_gpu_offload() { stageCells = 0 }
    let numbers = Int(llama_max_parallel_sequences()) - (hasSpare ? 1 : 0)
    sequences = min(sequences, numbers / (hasShadows ? 2 : 1))
  }

  var hasShadows: Bool { kind == .fullWindow }

  var reuse: PrefixReuse {
    switch kind {
    case .fullAttention, .fullWindow: .anyPrefix
    case .window, .recurrent, .hybrid: .checkpoints(CheckpointLimits(bytes: checkpointBytes))
    case .compressed: .checkpoints(CheckpointLimits(count: 0, bytes: 0))
    }
  }

  var parking: ParkingLimits? {
    parkedBytes > 0 ? ParkingLimits(bytes: parkedBytes, cellBytes: positionBytes) : nil
  }

  private var hasSpare: Bool { parkedBytes > 0 || stageCells > 0 }

  /// Sets what a context needs for it. What moves out of the cells and back needs a number of its own, the last one.
  func apply(to parameters: inout llama_context_params) {
    parameters.n_seq_max = UInt32(sequences * (hasShadows ? 2 : 1) + (hasSpare ? 1 : 0))
    parameters.swa_full = kind == .fullWindow
  }

  /// For the log.
  var note: String {
    let checkpoints = "prefixes are reused at checkpoints (at most \(checkpointBytes >> 20) MiB), not cut anywhere"
    return switch kind {
    case .fullAttention: "full attention: prefixes are cut and shared anywhere"
    case .fullWindow: "sliding window, cache of full size: prefixes are cut and shared anywhere"
    case .window: "sliding window: \(checkpoints)"
    case .compressed: "compressed attention: only whole sequences are continued"
    case .recurrent: "recurrent state: \(checkpoints)"
    case .hybrid: "recurrent state beside attention: \(checkpoints)"
    }
  }
}

extension MemoryPlan.Facts {
  init(_ model: LlamaModel, _ parameters: llama_context_params) {
    let architecture = model.metadata("general.architecture") ?? ""
    isRecurrent = llama_model_is_recurrent(model.pointer)
    isHybrid = llama_model_is_hybrid(model.pointer)
    window = Int(max(0, llama_model_n_swa(model.pointer)))
    isCompressed = architecture == "deepseek4"
    let head = Int64(llama_model_n_embd(model.pointer)) / Int64(max(1, llama_model_n_head(model.pointer)))
    let keys = model.metadata("\(architecture).attention.key_length").flatMap { Int64($0) } ?? head
    let values = model.metadata("\(architecture).attention.value_length").flatMap { Int64($0) } ?? head
    let heads = Int64(llama_model_n_layer(model.pointer)) * Int64(llama_model_n_head_kv(model.pointer))
    positionBytes =
      Int64(ggml_row_size(parameters.type_k, heads * keys)) + Int64(ggml_row_size(parameters.type_v, heads * values))
    weights = Int64(clamping: llama_model_size(model.pointer))
  }
}
