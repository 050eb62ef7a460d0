import AtelierEngine

/// An image as it stands in a prompt: its rows, and the tokens that the model wants around them and between its parts.
struct EncodedImage: Sendable {
  enum Piece: Sendable {
    case tokens([Int32])
    case picture(MediaEmbedding)
  }

  var pieces: [Piece]

  /// Bytes of all rows.
  var bytes: Int {
    pieces.reduce(0) { sum, piece in
      if case .picture(let picture) = piece { sum + picture.values.count * MemoryLayout<Float>.stride } else { sum }
    }
  }
}
