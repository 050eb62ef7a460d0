import CLlama
import Foundation

/// Copies of the part of sequences' memory that cannot be cut, in host memory. (llama.cpp's copies on the device hold one
/// state per sequence only.) Used by the engine's thread alone.
final class StateCheckpoints {
  private let context: LlamaContext
  private var states: [UInt64: UnsafeMutableRawBufferPointer] = [:]

  init(_ context: LlamaContext) { self.context = context }

  deinit { for state in states.values { free(state.baseAddress) } }

  /// Bytes taken, or nil when there is nothing to keep or no memory for it.
  func save(_ checkpoint: UInt64, of sequence: Int) -> Int? {
    guard states[checkpoint] == nil else { return nil }
    let size = llama_state_seq_get_size_ext(context.pointer, Int32(sequence), Self.partial)
    guard size > 0, let memory = malloc(size) else { return nil }
    let written = llama_state_seq_get_data_ext(
      context.pointer, memory.assumingMemoryBound(to: UInt8.self), size, Int32(sequence), Self.partial)
    guard written == size else {
      free(memory)
      return nil
    }
    states[checkpoint] = UnsafeMutableRawBufferPointer(start: memory, count: size)
    return size
  }

  /// False when it is not known or does not fit; the sequence is then of no use.
  func restore(_ checkpoint: UInt64, to sequence: Int) -> Bool {
    guard let state = states[checkpoint], let bytes = state.baseAddress else { return false }
    return llama_state_seq_set_data_ext(
      context.pointer, bytes.assumingMemoryBound(to: UInt8.self), state.count, Int32(sequence), Self.partial) > 0
  }

  func discard(_ checkpoint: UInt64) { free(states.removeValue(forKey: checkpoint)?.baseAddress) }

  /// Without what can be cut: keys and values of full attention.
  private static let partial = llama_state_seq_flags(LLAMA_STATE_SEQ_FLAGS_PARTIAL_ONLY)
}
