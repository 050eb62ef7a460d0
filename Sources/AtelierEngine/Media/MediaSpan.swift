/// Where a picture stands in a prompt.
package struct MediaSpan: Sendable {
  /// Place of its first row among the prompt's tokens, which hold `embedding.token` from here on, once a row.
  package var start: Int
  package var embedding: MediaEmbedding

  package init(start: Int, embedding: MediaEmbedding) {
    self.start = start
    self.embedding = embedding
  }

  package var end: Int { start + embedding.rows }
}

extension [MediaSpan] {
  /// Whether they lie in order inside the prompt and say of it what it holds, with text at its end: only a token's row can
  /// be asked for the next one. No picture that has to be computed at once may have more than `maxRows` rows.
  func fit(_ prompt: [Int32], maxRows: Int) -> Bool {
    var place = 0
    for span in self {
      let embedding = span.embedding
      guard embedding.rows > 0, embedding.token < 0, span.start >= place, span.end < prompt.count,
        embedding.values.count == embedding.rows * embedding.width, !embedding.isWhole || embedding.rows <= maxRows,
        embedding.grid.map({ $0.positions > 0 && $0.offsets.count == 3 * embedding.rows }) ?? true,
        prompt[place..<span.start].allSatisfy({ $0 >= 0 }),
        prompt[span.start..<span.end].allSatisfy({ $0 == embedding.token })
      else { return false }
      place = span.end
    }
    return prompt[place...].allSatisfy { $0 >= 0 }
  }
}

enum MediaRun {
  /// The largest count of leading tokens, at most `count`, that does not end among a picture's rows: some models can only
  /// compute a picture at once, and no model's picture can be cut where its rows share a position. Of two equal pictures
  /// side by side both are left out, since their ids do not show where one ends.
  static func floor(_ tokens: [Int32], _ count: Int) -> Int {
    guard count > 0, count < tokens.count, tokens[count] < 0, tokens[count] == tokens[count - 1] else { return count }
    var start = count
    while start > 0 && tokens[start - 1] == tokens[count] { start -= 1 }
    return start
  }
}
