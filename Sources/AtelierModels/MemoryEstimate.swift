import AtelierCore

/// What loading a model will take, rounded up rather than down.
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
  /// llama.cpp makes contexts of a multiple of this many tokens.
  static let contextStep = 256

  /// `weights` are the bytes of all files of the variant. Any header's numbers are safe: results saturate at 2^60.
  package static func estimate(
    kind: ModelKind = .llm, weights: Int64, geometry: ModelGeometry, configuration: LoadConfiguration
  ) -> MemoryEstimate {
    let context = max(configuration.contextLength, 0)
    var cache = kind == .llm ? keyValueBytes(geometry, configuration, context) : 0
    // A model with windows keeps only these where checkpoints take what the rest would have taken.
    if kind == .llm, geometry.isRecurrent { cache += Double(CheckpointBudget.bytes(weights: max(weights, 0))) }
    // An embedding model takes each input whole, so its graph has the rows of the longest.
    let longest = kind == .llm ? physicalBatch : max(context, configuration.evalBatchSize)
    let rows = Double(max(1, kind == .llm ? min(configuration.evalBatchSize, longest) : longest))
    let outputs = kind == .llm ? Double(min(64, sequences(geometry, configuration))) : 0
    // The graph's inputs, two hidden states and a feed-forward of four times the width; logits of the rows that have some,
    // in the graph and once more for the reader.
    var compute = rows * 4 * Double(geometry.embeddingLength) * 8 + outputs * 8 * Double(geometry.vocabularySize)
    // Masks, and without flash attention the scores of every head.
    let seen = kind == .llm ? Double(context) : rows
    compute += rows * 4 * seen
    if !configuration.flashAttention { compute += rows * 4 * seen * Double(geometry.headCount) }
    return MemoryEstimate(
      weights: max(weights, 0), keyValueCache: bytes(cache), compute: bytes(compute) + processAllowance)
  }

  /// Layers with a sliding window keep the whole context too, as llama.cpp does by default.
  private static func keyValueBytes(
    _ geometry: ModelGeometry, _ configuration: LoadConfiguration, _ context: Int
  ) -> Double {
    let counts = geometry.keyValueHeadCounts
    let layers = max(geometry.blockCount, 0)
    let heads =
      counts.count == 1
      ? Double(counts[0]) * Double(layers) : counts.prefix(layers).reduce(0) { $0 + Double($1) }
    let keys = Double(geometry.keyLength) * GGMLType.bytesPerElement(named: configuration.kvCacheType)
    let values =
      Double(geometry.valueLength)
      * GGMLType.bytesPerElement(named: configuration.valueCacheType ?? configuration.kvCacheType)
    let cells = (Double(context) / Double(contextStep)).rounded(.up) * Double(contextStep)
    var total = heads * (keys + values) * cells
    if geometry.isRecurrent {
      let stateful = counts.count > 1 ? counts.prefix(layers).filter { $0 == 0 }.count : layers
      total += Double(stateful) * Double(geometry.stateLength) * 4 * Double(sequences(geometry, configuration))
    }
    return total
  }

  /// Sequences the context is made for: more than run, because finished ones stay for reuse.
  private static func sequences(_ geometry: ModelGeometry, _ configuration: LoadConfiguration) -> Int {
    let parallel = min(max(configuration.parallel, 1), 64)
    return geometry.isRecurrent || geometry.hasSlidingWindow ? parallel * 2 + 2 : max(64, parallel * 4)
  }

  private static func bytes(_ value: Double) -> Int64 { Int64(min(max(value, 0), 0x1p60)) }
}
