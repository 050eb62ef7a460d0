import CLlama
import CLlamaBridge
import Synchronization

/// Takes llama.cpp's log instead of letting it write to standard error: keeps the last errors, from which a load failure
/// gets its reason, and adds up the buffers it reports.
enum LlamaLog {
  private struct State {
    var errors: [String] = []
    var partialLine = ""
    var bufferMebibytes = 0.0
  }

  private static let state = Mutex(State())
  private static let maxErrors = 32
  private static let maxLine = 4096

  /// Installs the log once per process; later calls cost nothing.
  static func install() { _ = installed }

  private static let installed: Void = {
    llama_log_set({ level, text, _ in LlamaLog.record(level, text) }, nil)
    // What is wrong with a projector is no reason why a model cannot be loaded.
    atelier_vision_log { level, text in
      let level = ggml_log_level(rawValue: UInt32(bitPattern: level))
      LlamaLog.record(level == GGML_LOG_LEVEL_ERROR ? GGML_LOG_LEVEL_WARN : level, text)
    }
  }()

  static func clear() { state.withLock { $0 = State() } }

  /// Oldest first, at most 32.
  static var errors: [String] { state.withLock { $0.errors } }

  /// Bytes of all buffers (weights, KV cache, compute) reported since `clear`.
  static var bufferBytes: Int64 { state.withLock { Int64($0.bufferMebibytes * 1_048_576) } }

  private static func record(_ level: ggml_log_level, _ text: UnsafePointer<CChar>?) {
    guard let text, level != GGML_LOG_LEVEL_DEBUG else { return }
    let piece = String(cString: text)
    state.withLock { state in
      // A line may come in pieces; a continuation has a level of its own.
      if level != GGML_LOG_LEVEL_CONT { state.partialLine = "" }
      state.partialLine = String((state.partialLine + piece).prefix(maxLine))
      guard piece.hasSuffix("\n") else { return }
      let line = state.partialLine
      state.partialLine = ""
      if level == GGML_LOG_LEVEL_ERROR {
        if state.errors.count == maxErrors { state.errors.removeFirst() }
        state.errors.append(line)
      } else if let size = bufferSize(in: line) {
        state.bufferMebibytes += size
      }
    }
  }

  /// The number of `… buffer size =   26.38 MiB`.
  static func bufferSize(in line: String) -> Double? {
    guard let key = line.firstRange(of: "buffer size ="), let unit = line.firstRange(of: "MiB"),
      key.upperBound <= unit.lowerBound
    else { return nil }
    return Double(line[key.upperBound..<unit.lowerBound].filter { $0 != " " })
  }
}
