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
  /// Numbers of such a state, for one layer and sequence.
  package var stateLength: Int

  init(_ metadata: GGUFHeader.Metadata, prefix: String) {
    blockCount = metadata.count(prefix + "block_count") ?? 0
    embeddingLength = metadata.count(prefix + "embedding_length") ?? 0
    let heads = metadata.counts(prefix + "attention.head_count") ?? []
    headCount = heads.max() ?? 0
    keyValueHeadCounts = metadata.counts(prefix + "attention.head_count_kv") ?? heads
    let headLength = headCount > 0 ? embeddingLength / headCount : 0
    // Layers with a window may have heads of another size; the larger counts for all.
    keyLength = max(
      metadata.count(prefix + "attention.key_length") ?? headLength,
      metadata.count(prefix + "attention.key_length_swa") ?? 0)
    valueLength = max(
      metadata.count(prefix + "attention.value_length") ?? headLength,
      metadata.count(prefix + "attention.value_length_swa") ?? 0)
    vocabularySize = metadata.length(ofArray: "tokenizer.ggml.tokens") ?? metadata.count(prefix + "vocab_size") ?? 0
    expertCount = metadata.count(prefix + "expert_count") ?? 0
    expertUsedCount = metadata.count(prefix + "expert_used_count") ?? 0
    hasSlidingWindow = (metadata.counts(prefix + "attention.sliding_window") ?? []).contains { $0 > 0 }
    isRecurrent =
      metadata.hasKey(prefix: prefix + "ssm.") || metadata.hasKey(prefix: prefix + "wkv.")
      || metadata.hasKey(prefix: prefix + "shortconv.")
    stateLength = Self.stateLength(metadata, prefix: prefix, width: embeddingLength)
  }

  /// As llama.cpp's `llama_hparams::n_embd_r` and `n_embd_s` have it. Factors are cut so that no product overflows.
  private static func stateLength(_ metadata: GGUFHeader.Metadata, prefix: String, width: Int) -> Int {
    func count(_ key: String) -> Int { min(metadata.count(prefix + key) ?? 0, 1 << 20) }
    let width = min(width, 1 << 20)
    if count("wkv.head_size") > 0 { return width * (max(count("token_shift_count"), 2) + count("wkv.head_size")) }
    if count("shortconv.l_cache") > 0 { return width * (count("shortconv.l_cache") - 1) }
    let inner = count("ssm.inner_size")
    let state = count("ssm.state_size")
    return max(count("ssm.conv_kernel") - 1, 0) * (inner + 2 * count("ssm.group_count") * state) + inner * state
  }
}
