import AtelierEngine

/// Builds prompts of texts and pictures.
struct PicturePrompt {
  private(set) var tokens: [Int32] = []
  private(set) var media: [MediaSpan] = []

  func text(_ tokens: some Sequence<Int32>) -> PicturePrompt {
    var copy = self
    copy.tokens.append(contentsOf: tokens)
    return copy
  }

  func picture(_ embedding: MediaEmbedding) -> PicturePrompt {
    var copy = self
    copy.media.append(MediaSpan(start: tokens.count, embedding: embedding))
    copy.tokens.append(contentsOf: repeatElement(embedding.token, count: embedding.rows))
    return copy
  }

  func request(_ id: UInt64, maxTokens: Int? = 8, temperature: Double = 0, cacheable: Bool = true) -> SequenceRequest {
    var request = SchedulerDriver.request(
      id, tokens, maxTokens: maxTokens, temperature: temperature, cacheable: cacheable)
    request.media = media
    return request
  }

  static func embedding(_ token: Int32, rows: Int, isWhole: Bool = false) -> MediaEmbedding {
    MediaEmbedding(token: token, rows: rows, width: 1, values: Array(repeating: 0, count: rows), isWhole: isWhole)
  }
}
