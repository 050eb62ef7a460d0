/// The sizes of a transformer that decide how much memory it takes. Zero means unknown.
package struct ModelGeometry: Sendable, Hashable {
  package var blockCount: Int
  package var embeddingLength: Int
  package var headCount: Int
  /// One number for all layers or one for each.
  package var keyValueHeadCounts: [Int]
  /// Of one head.
  package var keyLength: Int
  package var valueLength: Int
  package var vocabularySize: Int
  package var expertCount: Int
  package var expertUsedCount: Int
  /// Some layers attend to a window only.
  package var hasSlidingWindow: Bool
  /// Some layers keep a state instead of keys and values.
  package var isRecurrent: Bool

  init(_ metadata: GGUFHeader.Metadata, prefix: String) {
    blockCount = metadata.count(prefix + "block_count") ?? 0
    embeddingLength = metadata.count(prefix + "embedding_length") ?? 0
    let heads = metadata.counts(prefix + "attention.head_count") ?? []
    headCount = heads.max() ?? 0
    keyValueHeadCounts = metadata.counts(prefix + "attention.head_count_kv") ?? heads
    let headLength = headCount > 0 ? embeddingLength / headCount : 0
    keyLength = metadata.count(prefix + "attention.key_length") ?? headLength
    valueLength = metadata.count(prefix + "attention.value_length") ?? headLength
    vocabularySize = metadata.length(ofArray: "tokenizer.ggml.tokens") ?? metadata.count(prefix + "vocab_size") ?? 0
    expertCount = metadata.count(prefix + "expert_count") ?? 0
    expertUsedCount = metadata.count(prefix + "expert_used_count") ?? 0
    hasSlidingWindow = (metadata.counts(prefix + "attention.sliding_window") ?? []).contains { $0 > 0 }
    isRecurrent =
      metadata.hasKey(prefix: prefix + "ssm.") || metadata.hasKey(prefix: prefix + "wkv.")
      || metadata.hasKey(prefix: prefix + "shortconv.")
  }
}
