import CLlama
import Foundation

/// A copy of keys and values of one sequence, from some position on, in host memory.
final class SequenceState {
  let start: Int
  fileprivate let bytes: UnsafeMutableRawBufferPointer

  fileprivate init(start: Int, bytes: UnsafeMutableRawBufferPointer) {
    self.start = start
    self.bytes = bytes
  }

  deinit { free(bytes.baseAddress) }

  var count: Int { bytes.count }
}

/// Copies parts of sequences out of a context's memory and into it. The memory must be one that can be cut anywhere.
///
/// llama.cpp copies and restores whole sequences only, so the parts pass through a sequence number that nobody else uses.
struct SequenceCopier {
  let context: LlamaContext
  let memory: OpaquePointer
  let spare: Int32

  /// Positions `start..<end`, or all from `start`; nil when there are none or there is no memory for them.
  func read(_ sequence: Int, from start: Int, to end: Int? = nil) -> SequenceState? {
    llama_memory_seq_cp(memory, Int32(sequence), spare, Int32(start), end.map { Int32(clamping: $0) } ?? -1)
    defer { clearSpare() }
    guard Int(llama_memory_seq_pos_max(memory, spare)) >= start else { return nil }
    let size = llama_state_seq_get_size_ext(context.pointer, spare, 0)
    guard size > 0, let bytes = malloc(size) else { return nil }
    let state = SequenceState(start: start, bytes: UnsafeMutableRawBufferPointer(start: bytes, count: size))
    let written = llama_state_seq_get_data_ext(
      context.pointer, bytes.assumingMemoryBound(to: UInt8.self), size, spare, 0)
    return written == size ? state : nil
  }

  /// Adds these of the state's positions to a sequence that does not hold them. False when they do not fit.
  func write(_ state: SequenceState, to sequence: Int, positions: Range<Int>) -> Bool {
    guard let bytes = state.bytes.baseAddress, state.start <= positions.lowerBound, !positions.isEmpty else {
      return false
    }
    defer { clearSpare() }
    let read = llama_state_seq_set_data_ext(
      context.pointer, bytes.assumingMemoryBound(to: UInt8.self), state.count, spare, 0)
    guard read == state.count, Int(llama_memory_seq_pos_max(memory, spare)) >= positions.upperBound - 1 else {
      return false
    }
    llama_memory_seq_cp(
      memory, spare, Int32(sequence), Int32(positions.lowerBound), Int32(clamping: positions.upperBound))
    return true
  }

  private func clearSpare() { llama_memory_seq_rm(memory, spare, -1, -1) }
}
