import AtelierCore
import CLlama
import CLlamaBridge

/// Owner of a `llama_context`. Keeps its model alive.
///
/// `@unchecked Sendable`: handed over once, from the loading thread to the one thread (or lock) that uses it.
final class LlamaContext: @unchecked Sendable {
  let model: LlamaModel
  let pointer: OpaquePointer
  private let parameters: llama_context_params

  init(_ model: LlamaModel, _ parameters: llama_context_params) throws(AtelierError) {
    guard let pointer = llama_init_from_model(model.pointer, parameters) else {
      throw LoadFailure.error(from: LlamaLog.errors)
    }
    self.model = model
    self.pointer = pointer
    self.parameters = parameters
  }

  deinit { llama_free(pointer) }

  /// Another context of the same kind with a memory of its own; nil when there is no room for it.
  func sibling(tokens: Int) -> LlamaContext? {
    var parameters = parameters
    parameters.n_ctx = UInt32(clamping: tokens)
    return try? LlamaContext(model, parameters)
  }

  var tokens: Int { Int(llama_n_ctx(pointer)) }
  var batchRows: Int { Int(llama_n_batch(pointer)) }
  var maxSequences: Int { Int(llama_n_seq_max(pointer)) }

  /// The parameters every context shares.
  static func parameters(_ configuration: LoadConfiguration) throws(AtelierError) -> llama_context_params {
    let valueType = configuration.valueCacheType ?? configuration.kvCacheType
    guard let keys = keyValueTypes[configuration.kvCacheType], let values = keyValueTypes[valueType] else {
      throw LoadFailure.failed("The KV cache type '\(configuration.kvCacheType)' or '\(valueType)' is not known.")
    }
    let cores = atelier_physical_cores()
    var parameters = llama_context_default_params()
    parameters.n_ctx = UInt32(clamping: configuration.contextLength)
    parameters.n_batch = UInt32(clamping: max(configuration.evalBatchSize, 1))
    parameters.n_ubatch = min(parameters.n_batch, 512)
    parameters.n_threads = configuration.threads.map { Int32(clamping: max($0, 1)) } ?? cores
    parameters.n_threads_batch = configuration.promptThreads.map { Int32(clamping: max($0, 1)) } ?? cores
    // AUTO: on wherever the model allows it.
    parameters.flash_attn_type =
      configuration.flashAttention ? LLAMA_FLASH_ATTN_TYPE_AUTO : LLAMA_FLASH_ATTN_TYPE_DISABLED
    parameters.type_k = keys
    parameters.type_v = values
    // 0 leaves the model's own.
    parameters.rope_freq_base = Float(configuration.ropeFrequencyBase ?? 0)
    parameters.rope_freq_scale = Float(configuration.ropeFrequencyScale ?? 0)
    parameters.offload_kqv = configuration.offloadKVCacheToGPU
    parameters.kv_unified = true
    parameters.no_perf = true
    return parameters
  }

  private static let keyValueTypes: [String: ggml_type] = [
    "f32": GGML_TYPE_F32, "f16": GGML_TYPE_F16, "bf16": GGML_TYPE_BF16, "q8_0": GGML_TYPE_Q8_0,
    "q5_0": GGML_TYPE_Q5_0, "q5_1": GGML_TYPE_Q5_1, "q4_0": GGML_TYPE_Q4_0, "q4_1": GGML_TYPE_Q4_1,
    "iq4_nl": GGML_TYPE_IQ4_NL,
  ]
}
