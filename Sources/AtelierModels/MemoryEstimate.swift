import AtelierCore

/// What loading a model will take, rounded up rather than down: sliding windows are counted as full attention.
package struct MemoryEstimate: Sendable, Hashable {
  /// Bytes, each.
  package var weights: Int64
  package var keyValueCache: Int64
  package var compute: Int64

  package init(weights: Int64, keyValueCache: Int64, compute: Int64) {
    self.weights = weights
    self.keyValueCache = keyValueCache
    self.compute = compute
  }

  package var total: Int64 { weights + keyValueCache + compute }

  /// The process itself with the engine's code and small tables.
  static let processAllowance: Int64 = 64 << 20
  /// Token rows of the largest compute graph (llama.cpp's physical batch).
  static let physicalBatch = 512

  /// `weights` are the bytes of all files of the variant. Any header's numbers are safe: results saturate at 2^60.
  package static func estimate(
    weights: Int64, geometry: ModelGeometry, configuration: LoadConfiguration
  ) -> MemoryEstimate {
    let rows = Double(max(1, min(configuration.evalBatchSize, physicalBatch)))
    let element = GGMLType.bytesPerElement(named: configuration.kvCacheType)
    let context = Double(max(configuration.contextLength, 0))
    // The graph's inputs, two hidden states and a feed-forward of four times the width; logits for every row.
    var compute = rows * 4 * (Double(geometry.embeddingLength) * 8 + Double(geometry.vocabularySize))
    if !configuration.flashAttention { compute += rows * 4 * context * Double(geometry.headCount) }
    return MemoryEstimate(
      weights: max(weights, 0), keyValueCache: bytes(elementsPerToken(geometry) * element * context),
      compute: bytes(compute) + processAllowance)
  }

  private static func elementsPerToken(_ geometry: ModelGeometry) -> Double {
    let counts = geometry.keyValueHeadCounts
    let heads =
      counts.count == 1
      ? Double(counts[0]) * Double(geometry.blockCount)
      : counts.prefix(max(geometry.blockCount, 0)).reduce(0) { $0 + Double($1) }
    return heads * Double(geometry.keyLength + geometry.valueLength)
  }

  private static func bytes(_ value: Double) -> Int64 { Int64(min(max(value, 0), 0x1p60)) }
}
