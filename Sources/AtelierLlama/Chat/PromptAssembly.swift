import AtelierCore
import AtelierEngine
import AtelierWorker

/// Puts a rendered prompt together from its texts, as tokens, and its images, as what they are to the model.
struct PromptAssembly {
  private enum Part {
    case tokens([Int32])
    /// Index among the conversation's images.
    case image(Int)
  }

  private var parts: [Part] = []

  mutating func append(_ tokens: [Int32]) { parts.append(.tokens(tokens)) }
  mutating func append(image: Int) { parts.append(.image(image)) }

  /// `images` are all of the conversation's. Throws `contextLengthExceeded` before the first image is decoded.
  func assemble(
    _ images: [ImageData], vision: VisionEncoder, contextLength: Int, for use: PromptUse
  ) throws(AtelierError) -> (tokens: [Int32], media: [MediaSpan]) {
    try checkPlaces(images.count)
    let text = parts.reduce(0) { if case .tokens(let tokens) = $1 { $0 + tokens.count } else { $0 } }
    var measures: [VisionEncoder.Measure] = []
    for (index, image) in images.enumerated() { measures.append(try vision.measure(image, number: index + 1)) }
    let total = parts.reduce(text) { if case .image(let index) = $1 { $0 + measures[index].tokens } else { $0 } }
    guard case .generating(let proceed) = use else { return (Array(repeating: 0, count: total), []) }
    guard total < contextLength else { throw .promptTooLong(tokens: total, context: contextLength) }
    guard measures.reduce(0, { $0 + $1.bytes }) <= vision.limitBytes else {
      throw AtelierError(
        .invalidImage, "The images of this conversation are too many or too large together.", param: "input")
    }
    var encoded: [EncodedImage] = []
    for (index, image) in images.enumerated() {
      guard proceed() else { throw .requestCancelled }
      encoded.append(try vision.encode(image, number: index + 1))
    }
    return joined(encoded)
  }

  /// Every image is shown to the model, and the prompt does not end with one: the first token of an answer needs one
  /// before it.
  private func checkPlaces(_ count: Int) throws(AtelierError) {
    let shown = Set(parts.compactMap { if case .image(let index) = $0 { index } else { nil } })
    guard shown.count == count, case .tokens(let last)? = parts.last, !last.isEmpty else {
      throw AtelierError(.templateFailed, "The model's chat template has no place for an image of this conversation.")
    }
  }

  private func joined(_ images: [EncodedImage]) -> (tokens: [Int32], media: [MediaSpan]) {
    var tokens: [Int32] = []
    var media: [MediaSpan] = []
    for part in parts {
      switch part {
      case .tokens(let text): tokens += text
      case .image(let index):
        for piece in images[index].pieces {
          switch piece {
          case .tokens(let around): tokens += around
          case .picture(let embedding):
            media.append(MediaSpan(start: tokens.count, embedding: embedding))
            tokens.append(contentsOf: repeatElement(embedding.token, count: embedding.rows))
          }
        }
      }
    }
    return (tokens, media)
  }
}
