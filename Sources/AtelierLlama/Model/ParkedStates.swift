/// Copies of sequences' keys and values in host memory, by number. Used by the engine's thread alone.
final class ParkedStates {
  private let copier: SequenceCopier
  private var states: [UInt64: SequenceState] = [:]

  init(_ copier: SequenceCopier) { self.copier = copier }

  /// Bytes taken, or nil when there is nothing to keep or no memory for it.
  func save(_ segment: UInt64, of sequence: Int, from start: Int) -> Int? {
    guard states[segment] == nil, let state = copier.read(sequence, from: start) else { return nil }
    states[segment] = state
    return state.count
  }

  /// False when it is not known or does not fit.
  func restore(_ segment: UInt64, to sequence: Int, positions: Range<Int>) -> Bool {
    states[segment].map { copier.write($0, to: sequence, positions: positions) } ?? false
  }

  func release(_ segment: UInt64) { states[segment] = nil }
}
