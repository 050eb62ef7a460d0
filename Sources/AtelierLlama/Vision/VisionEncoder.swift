import AtelierCore
import AtelierEngine
import CLlamaBridge
import Crypto
import Foundation
import Synchronization

/// The projector beside a model: turns images into rows for the model, and remembers them by the content of their files.
///
/// `@unchecked Sendable`: mtmd takes images apart on any thread, and encodes under `encoding` only.
final class VisionEncoder: @unchecked Sendable {
  /// What an image adds to a prompt.
  struct Measure: Sendable {
    var tokens: Int
    /// Bytes of its rows.
    var bytes: Int
  }

  private struct Memories: Sendable {
    var cache: ImageCache<SHA256Digest>
    var tokens = MediaTokens<SHA256Digest>()
  }

  /// Kept for later requests.
  private static let cacheBytes = 256 << 20
  /// In the cache and in requests that wait or run.
  private static let memoryBytes = 512 << 20
  /// Shapes that are tried to learn how many rows a picture can have.
  private static let shapes: [(width: UInt32, height: UInt32)] = [
    (1024, 1024), (1024, 768), (768, 1024), (1024, 512), (512, 1024), (1024, 256), (256, 1024),
  ]

  private let pointer: OpaquePointer
  /// The projector refers to it.
  private let model: LlamaModel
  private let encoding = Mutex(())
  private let memories = Mutex(Memories(cache: ImageCache(maxBytes: cacheBytes)))
  private let memory = EmbeddingMemory(limit: memoryBytes)
  /// Numbers a row has.
  let width: Int
  /// Rows that have to be computed in one call, at most; 0 when any number may.
  let wholeRows: Int
  private let hasGrid: Bool

  /// Maps the projector's file. Blocking. Throws what is wrong with it, for the log.
  init(projector: String, model: LlamaModel, threads: Int) throws(BridgeFailure) {
    let pointer = try bridgeCall {
      atelier_vision_create(projector, model.pointer, Int32(clamping: max(threads, 1)), $0)
    }.get()
    self.pointer = pointer
    self.model = model
    width = Int(atelier_vision_width(pointer))
    hasGrid = atelier_vision_has_grid(pointer)
    wholeRows =
      Self.shapes.compactMap { shape in
        let pieces = try? Pieces(pointer, width: shape.width, height: shape.height, pixels: nil)
        return pieces?.all.filter(\.sees_all).map { Int($0.rows) }.max()
      }.max() ?? 0
  }

  deinit { atelier_vision_free(pointer) }

  /// What may be held at once.
  var limitBytes: Int { memory.limit }

  /// How much of a prompt the image takes, from what its header says. Any thread. Throws `invalidImage` for a shape that
  /// the model cannot read.
  func measure(_ image: ImageData, number: Int) throws(AtelierError) -> Measure {
    let size = Picture.size(of: image)
    let pieces = try pieces(of: size.width, size.height, pixels: nil, number: number).all
    return Measure(
      tokens: pieces.reduce(0) { $0 + Int($1.rows) },
      bytes: pieces.reduce(0) { $0 + ($1.tokens == nil ? Int($1.rows) * width * MemoryLayout<Float>.stride : 0) })
  }

  /// The image's rows, from memory or computed now. Blocking, for seconds. Throws `invalidImage`, `serverBusy`,
  /// `generationFailed`.
  func encode(_ image: ImageData, number: Int) throws(AtelierError) -> EncodedImage {
    let key = SHA256.hash(data: image.bytes)
    if let known = memories.withLock({ $0.cache.image(for: key) }) { return known }
    let picture = try Picture(image, number: number)
    let pieces = try pieces(of: picture.width, picture.height, pixels: picture.pixels, number: number)
    let parts = pieces.all
    let tokens = memories.withLock { $0.tokens.tokens(for: key, count: parts.count { $0.tokens == nil }) }
    var next = tokens.makeIterator()
    var encoded = EncodedImage(pieces: [])
    for (index, part) in parts.enumerated() {
      if let text = part.tokens {
        encoded.pieces.append(.tokens(Array(UnsafeBufferPointer(start: text, count: Int(part.rows)))))
      } else if let token = next.next() {
        encoded.pieces.append(.picture(try embedding(part, Int32(index), of: pieces, token, number: number)))
      }
    }
    memories.withLock { $0.cache.insert(encoded, for: key) }
    return encoded
  }

  private func pieces(
    of width: UInt32, _ height: UInt32, pixels: UnsafePointer<UInt8>?, number: Int
  ) throws(AtelierError) -> Pieces {
    do throws(BridgeFailure) {
      return try Pieces(pointer, width: width, height: height, pixels: pixels)
    } catch {
      throw AtelierError(
        .invalidImage, "Image \(number) of the conversation has a shape that this model cannot read.", param: "input")
    }
  }

  private func embedding(
    _ piece: atelier_piece, _ index: Int32, of pieces: Pieces, _ token: Int32, number: Int
  ) throws(AtelierError) -> MediaEmbedding {
    let rows = Int(piece.rows)
    guard !piece.sees_all || rows <= wholeRows else {
      throw AtelierError(
        .invalidImage, "Image \(number) of the conversation has a shape that takes too much of this model at once.",
        param: "input")
    }
    let count = rows * width
    let reservation = try reserve(count * MemoryLayout<Float>.stride)
    var isEncoded = false
    let values = [Float](unsafeUninitializedCapacity: count) { buffer, initialized in
      isEncoded = encoding.withLock { _ in
        if case .success = bridgeFlag({
          atelier_vision_encode(pointer, pieces.pointer, index, buffer.baseAddress, $0)
        }) {
          true
        } else {
          false
        }
      }
      initialized = isEncoded ? count : 0
    }
    guard isEncoded, values.allSatisfy(\.isFinite) else {
      throw AtelierError(.generationFailed, "The model's projector could not process image \(number).")
    }
    return MediaEmbedding(
      token: token, rows: rows, width: width, values: values, isWhole: piece.sees_all,
      grid: hasGrid ? MediaGrid(positions: Int(piece.positions), offsets: pieces.offsets(index, rows: rows)) : nil,
      keeper: reservation)
  }

  /// Makes room at the cost of what is only remembered.
  private func reserve(_ bytes: Int) throws(AtelierError) -> EmbeddingMemory.Reservation {
    while true {
      if let reservation = memory.reserve(bytes) { return reservation }
      guard memories.withLock({ $0.cache.removeOldest() }) else {
        throw AtelierError(
          .serverBusy, "Too many images are waiting for this model. Try again later.", retryAfter: 5)
      }
    }
  }
}

/// An image taken apart by mtmd.
private final class Pieces {
  let pointer: OpaquePointer

  init(
    _ vision: OpaquePointer, width: UInt32, height: UInt32, pixels: UnsafePointer<UInt8>?
  ) throws(BridgeFailure) {
    pointer = try bridgeCall { atelier_vision_split(vision, width, height, pixels, $0) }.get()
  }

  deinit { atelier_pieces_free(pointer) }

  var all: [atelier_piece] { (0..<atelier_pieces_count(pointer)).map { atelier_pieces_get(pointer, $0) } }

  func offsets(_ index: Int32, rows: Int) -> [Int32] {
    [Int32](unsafeUninitializedCapacity: 3 * rows) { buffer, initialized in
      buffer.initialize(repeating: 0)
      atelier_pieces_offsets(pointer, index, buffer.baseAddress)
      initialized = 3 * rows
    }
  }
}
