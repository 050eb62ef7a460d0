import AtelierCore

/// What the tensor list of one file adds up to.
struct GGUFTensorSummary: Sendable, Hashable {
  private(set) var count = 0
  private(set) var parameters: Int64 = 0
  /// Of these, in tensors that hold all experts of a layer (`blk.0.ffn_up_exps.weight`).
  private(set) var expertParameters: Int64 = 0
  /// Bytes from the start of the data to the end of its last tensor.
  private(set) var dataEnd: UInt64 = 0

  /// `elements` is at most 2^56 and files have at most 65,536 tensors; sums saturate.
  mutating func add(name: String, elements: Int64, end: UInt64) {
    count += 1
    parameters = parameters.addingSaturating(elements)
    if name.contains("_exps") { expertParameters = expertParameters.addingSaturating(elements) }
    dataEnd = max(dataEnd, end)
  }
}
