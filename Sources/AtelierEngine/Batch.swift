/// The rows of one engine step. Reused from step to step, so that steady state allocates nothing.
///
/// A sequence has either tokens or rows of a picture in a batch, since the runner computes them apart: pictures first.
package struct Batch: Sendable {
  /// Rows of one picture in one sequence. Their logits are never wanted.
  package struct MediaRows: Sendable {
    package var embedding: MediaEmbedding
    /// Which of its rows.
    package var rows: Range<Int>
    /// Place in the sequence of the first of these rows, counted in tokens.
    package var position: Int
    package var sequence: Int

    package init(embedding: MediaEmbedding, rows: Range<Int>, position: Int, sequence: Int) {
      self.embedding = embedding
      self.rows = rows
      self.position = position
      self.sequence = sequence
    }
  }

  package private(set) var tokens: [Int32] = []
  package private(set) var positions: [Int32] = []
  package private(set) var sequences: [Int32] = []
  /// 1 where the row's logits are wanted.
  package private(set) var wantsLogits: [Int8] = []
  /// How many rows, the first ones, continue a generation; the rest are prompts.
  package var decodeRows = 0
  package private(set) var media: [MediaRows] = []
  /// Cells in use before the step, all sequences together.
  package var cellsInUse = 0

  package init(capacity: Int) {
    tokens.reserveCapacity(capacity)
    positions.reserveCapacity(capacity)
    sequences.reserveCapacity(capacity)
    wantsLogits.reserveCapacity(capacity)
  }

  /// Token rows.
  package var count: Int { tokens.count }
  /// Token rows and rows of pictures.
  package var rowCount: Int { media.reduce(tokens.count) { $0 + $1.rows.count } }
  package var isEmpty: Bool { tokens.isEmpty && media.isEmpty }

  package mutating func removeAll() {
    tokens.removeAll(keepingCapacity: true)
    positions.removeAll(keepingCapacity: true)
    sequences.removeAll(keepingCapacity: true)
    wantsLogits.removeAll(keepingCapacity: true)
    decodeRows = 0
    cellsInUse = 0
    media.removeAll(keepingCapacity: true)
  }

  package mutating func append(_ rows: MediaRows) { media.append(rows) }

  /// Returns the row's index.
  @discardableResult
  package mutating func append(token: Int32, position: Int, sequence: Int, logits: Bool) -> Int {
    tokens.append(token)
    positions.append(Int32(position))
    sequences.append(Int32(sequence))
    wantsLogits.append(logits ? 1 : 0)
    return tokens.count - 1
  }
}
