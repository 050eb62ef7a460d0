import AtelierCore
import CLlama
import Foundation

/// Owner of a loaded `llama_model`; frees it when the last user is gone.
///
/// `@unchecked Sendable`: llama.cpp only reads a model once it is loaded.
final class LlamaModel: @unchecked Sendable {
  let pointer: OpaquePointer
  let vocabulary: OpaquePointer

  private init?(_ pointer: OpaquePointer) {
    guard let vocabulary = llama_model_get_vocab(pointer) else {
      llama_model_free(pointer)
      return nil
    }
    self.pointer = pointer
    self.vocabulary = vocabulary
  }

  deinit { llama_model_free(pointer) }

  /// Maps or reads the files. `progress` gets 0…1; false cancels, which throws `cancelled`.
  static func load(
    _ load: EngineLoad, progress: @escaping @Sendable (Double) -> Bool
  ) throws(AtelierError) -> LlamaModel {
    try checkFiles(load.files)
    let watcher = ProgressWatcher(report: progress)
    var parameters = llama_model_default_params()
    parameters.load_mode =
      switch (load.configuration.useMemoryMap ?? true, load.configuration.keepInMemory) {
      case (true, true): LLAMA_LOAD_MODE_MMAP_MLOCK
      case (true, false): LLAMA_LOAD_MODE_MMAP
      case (false, true): LLAMA_LOAD_MODE_MLOCK
      case (false, false): LLAMA_LOAD_MODE_NONE
      }
    parameters.vocab_only = load.isVocabularyOnly
    if let share = load.configuration.gpu, share < 1 {
      let layers = Double(layerCount(of: load.files[0]))
      parameters.n_gpu_layers = Int32(clamping: Int((min(max(share, 0), 1) * layers).rounded(.up)))
    }
    parameters.progress_callback = { fraction, context in
      guard let context else { return true }
      return Unmanaged<ProgressWatcher>.fromOpaque(context).takeUnretainedValue().advance(to: Double(fraction))
    }
    parameters.progress_callback_user_data = Unmanaged.passUnretained(watcher).toOpaque()
    let override = try expertOverride(load)
    let pointer = withExtendedLifetime(watcher) {
      withOverrides(override) { overrides in
        parameters.kv_overrides = overrides
        return withCStrings(load.files) { files in
          llama_model_load_from_splits(
            UnsafeMutablePointer(mutating: files.baseAddress), files.count, parameters)
        }
      }
    }
    if watcher.isCancelled {
      if let pointer { llama_model_free(pointer) }
      throw AtelierError(.cancelled, "The load was cancelled.")
    }
    guard let pointer else { throw LoadFailure.error(from: LlamaLog.errors) }
    guard let model = LlamaModel(pointer) else {
      throw LoadFailure.failed("The model file holds no vocabulary.")
    }
    return model
  }

  /// The text of a metadata value; nil when absent.
  func metadata(_ key: String) -> String? {
    var buffer = [CChar](repeating: 0, count: 256)
    let length = llama_model_meta_val_str(pointer, key, &buffer, buffer.count)
    guard length >= 0 else { return nil }
    return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  private static func checkFiles(_ files: [String]) throws(AtelierError) {
    guard !files.isEmpty else { throw LoadFailure.failed("The model has no file.") }
    for (index, file) in files.enumerated() where !FileManager.default.isReadableFile(atPath: file) {
      guard files.count > 1 else { throw LoadFailure.failed("The model file is missing or cannot be read.") }
      throw AtelierError(
        .missingShard, "Part \(index + 1) of \(files.count) of the split model is missing or cannot be read.")
    }
  }

  /// The metadata override that sets the number of active experts.
  private static func expertOverride(_ load: EngineLoad) throws(AtelierError) -> llama_model_kv_override? {
    guard let experts = load.configuration.numExperts else { return nil }
    guard let architecture = architecture(of: load.files[0]) else { throw LoadFailure.error(from: LlamaLog.errors) }
    var override = llama_model_kv_override()
    override.tag = LLAMA_KV_OVERRIDE_TYPE_INT
    override.val_i64 = Int64(experts)
    let key = Array("\(architecture).expert_used_count".utf8)
    let fits = withUnsafeMutableBytes(of: &override.key) { bytes in
      guard key.count < bytes.count else { return false }
      bytes.copyBytes(from: key)
      return true
    }
    return fits ? override : nil
  }

  /// Layers as the file's header counts them, with the output's; 0 when it cannot be read.
  private static func layerCount(of file: String) -> Int {
    guard let name = architecture(of: file),
      let header = gguf_init_from_file(file, gguf_init_params(no_alloc: true, ctx: nil))
    else { return 0 }
    defer { gguf_free(header) }
    let key = gguf_find_key(header, "\(name).block_count")
    guard key >= 0, gguf_get_kv_type(header, key) == GGUF_TYPE_UINT32 else { return 0 }
    return Int(gguf_get_val_u32(header, key)) + 1
  }

  private static func architecture(of file: String) -> String? {
    guard let header = gguf_init_from_file(file, gguf_init_params(no_alloc: true, ctx: nil)) else { return nil }
    defer { gguf_free(header) }
    let key = gguf_find_key(header, "general.architecture")
    guard key >= 0, gguf_get_kv_type(header, key) == GGUF_TYPE_STRING else { return nil }
    return gguf_get_val_str(header, key).map { String(cString: $0) }
  }

  /// The list llama.cpp wants: ended by an entry with an empty key.
  private static func withOverrides<Result>(
    _ override: llama_model_kv_override?, _ body: (UnsafePointer<llama_model_kv_override>?) -> Result
  ) -> Result {
    guard let override else { return body(nil) }
    return [override, llama_model_kv_override()].withUnsafeBufferPointer { body($0.baseAddress) }
  }
}

/// Hands llama.cpp's progress on, never decreasing, and remembers a cancellation. Lives on the loading thread only.
private final class ProgressWatcher {
  private let report: @Sendable (Double) -> Bool
  private var highest = 0.0
  private(set) var isCancelled = false

  init(report: @escaping @Sendable (Double) -> Bool) { self.report = report }

  func advance(to fraction: Double) -> Bool {
    highest = max(highest, min(max(fraction, 0), 1))
    if !report(highest) { isCancelled = true }
    return !isCancelled
  }
}
