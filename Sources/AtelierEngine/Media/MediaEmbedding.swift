/// What a picture, or a part of one, is to a model: rows that stand in a prompt where tokens would. All prompts that hold
/// the picture share it.
package final class MediaEmbedding: Sendable {
  /// Stands for each of the rows among token ids. Below 0, so no model's token, and never that of two different pictures:
  /// prompts with pictures are compared, kept and shared by their ids like any others.
  package let token: Int32
  package let rows: Int
  /// Numbers per row.
  package let width: Int
  /// `rows` × `width`, row after row.
  package let values: [Float]
  /// The rows see each other, later ones too: they have to be computed in one call.
  package let isWhole: Bool
  /// Where the rows stand; nil: one after the other, as tokens do.
  package let grid: MediaGrid?
  /// Lives as long as the embedding: whoever counts the memory learns of its end.
  private let keeper: (any AnyObject & Sendable)?

  /// `values` must be `rows` × `width` numbers.
  package init(
    token: Int32, rows: Int, width: Int, values: [Float], isWhole: Bool = false, grid: MediaGrid? = nil,
    keeper: (any AnyObject & Sendable)? = nil
  ) {
    self.token = token
    self.rows = rows
    self.width = width
    self.values = values
    self.isWhole = isWhole
    self.grid = grid
    self.keeper = keeper
  }
}

/// The places of a picture's rows for models that know more than one dimension (M-RoPE): the rows lie side by side and
/// take fewer positions than they are.
package struct MediaGrid: Sendable, Hashable {
  /// Positions the picture takes in the sequence.
  package var positions: Int
  /// Per row the distance from the picture's first position: in time of all rows, then down, then across; 3 × rows.
  package var offsets: [Int32]

  package init(positions: Int, offsets: [Int32]) {
    self.positions = positions
    self.offsets = offsets
  }
}
