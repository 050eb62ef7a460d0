import CLlama
import Foundation

/// Copies of sequences' keys and values in host memory, of a memory that can be cut anywhere. Used by the engine's thread
/// alone.
final class ParkedStates {
  private struct State {
    var bytes: UnsafeMutableRawBufferPointer
    var start: Int
  }

  private let context: LlamaContext
  private let memory: OpaquePointer
  /// A sequence number that nobody else uses: llama.cpp copies and restores whole sequences only.
  private let spare: Int32
  private var states: [UInt64: State] = [:]

  init(_ context: LlamaContext, memory: OpaquePointer, spare: Int) {
    self.context = context
    self.memory = memory
    self.spare = Int32(spare)
  }

  deinit { for state in states.values { free(state.bytes.baseAddress) } }

  /// Bytes taken, or nil when there is nothing to keep or no memory for it.
  func save(_ segment: UInt64, of sequence: Int, from start: Int) -> Int? {
    guard states[segment] == nil else { return nil }
    llama_memory_seq_cp(memory, Int32(sequence), spare, Int32(start), -1)
    defer { clearSpare() }
    guard Int(llama_memory_seq_pos_max(memory, spare)) >= start else { return nil }
    let size = llama_state_seq_get_size_ext(context.pointer, spare, 0)
    guard size > 0, let bytes = malloc(size) else { return nil }
    let written = llama_state_seq_get_data_ext(
      context.pointer, bytes.assumingMemoryBound(to: UInt8.self), size, spare, 0)
    guard written == size else {
      free(bytes)
      return nil
    }
    states[segment] = State(bytes: UnsafeMutableRawBufferPointer(start: bytes, count: size), start: start)
    return size
  }

  /// False when it is not known or does not fit.
  func restore(_ segment: UInt64, to sequence: Int, positions: Range<Int>) -> Bool {
    guard let state = states[segment], let bytes = state.bytes.baseAddress, state.start <= positions.lowerBound,
      !positions.isEmpty
    else { return false }
    defer { clearSpare() }
    let read = llama_state_seq_set_data_ext(
      context.pointer, bytes.assumingMemoryBound(to: UInt8.self), state.bytes.count, spare, 0)
    guard read == state.bytes.count, Int(llama_memory_seq_pos_max(memory, spare)) >= positions.upperBound - 1 else {
      return false
    }
    llama_memory_seq_cp(
      memory, spare, Int32(sequence), Int32(positions.lowerBound), Int32(clamping: positions.upperBound))
    return true
  }

  func release(_ segment: UInt64) { free(states.removeValue(forKey: segment)?.bytes.baseAddress) }

  private func clearSpare() { llama_memory_seq_rm(memory, spare, -1, -1) }
}
