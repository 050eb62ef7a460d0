/// Rows in aligned columns, two spaces apart. In a narrow terminal the flexible columns give way.
struct TextTable: Sendable {
  struct Column: Sendable {
    var title: String
    var isRight = false
    /// May be cut, with an ellipsis in place of what is missing.
    var isFlexible = false
  }

  var columns: [Column]
  var rows: [[String]]

  /// As narrow as a flexible column gets.
  private static let narrowest = 12
  private static let gap = 2

  /// `>TITLE` is aligned to the right, `TITLE…` may be cut.
  init(_ titles: [String], _ rows: [[String]]) {
    columns = titles.map { title in
      var title = title[...]
      let isRight = title.hasPrefix(">")
      if isRight { title = title.dropFirst() }
      let isFlexible = title.hasSuffix("…")
      if isFlexible { title = title.dropLast() }
      return Column(title: String(title), isRight: isRight, isFlexible: isFlexible)
    }
    self.rows = rows.map { row in row.map(HumanText.plain) }
  }

  /// Without the columns that are empty in every row.
  var withoutEmptyColumns: TextTable {
    let kept = columns.indices.filter { column in rows.contains { !$0[column].isEmpty } }
    var table = self
    table.columns = kept.map { columns[$0] }
    table.rows = rows.map { row in kept.map { row[$0] } }
    return table
  }

  /// With the row's number as the first column.
  var numbered: TextTable {
    var table = self
    table.columns.insert(Column(title: "#", isRight: true), at: 0)
    table.rows = rows.enumerated().map { ["\($0 + 1)"] + $1 }
    return table
  }

  /// The header, then the rows. `width`: columns of the terminal; nil: any.
  func lines(width: Int? = nil) -> [String] {
    let cells = [columns.map(\.title)] + rows
    var widths = columns.indices.map { column in cells.map { $0[column].count }.max() ?? 0 }
    if let width {
      var surplus = widths.reduce(0, +) + Self.gap * (columns.count - 1) - width
      while surplus > 0 {
        let widest = columns.indices.filter { columns[$0].isFlexible && widths[$0] > Self.narrowest }
          .max { widths[$0] < widths[$1] }
        guard let widest else { break }
        widths[widest] -= 1
        surplus -= 1
      }
    }
    return cells.map { row in
      let line = zip(columns, zip(row, widths)).map { column, cell in
        Self.padded(Self.cut(cell.0, to: cell.1), to: cell.1, isRight: column.isRight)
      }.joined(separator: String(repeating: " ", count: Self.gap))
      return String(line.reversed().drop { $0 == " " }.reversed())
    }
  }

  private static func cut(_ text: String, to width: Int) -> String {
    text.count <= width ? text : text.prefix(max(0, width - 1)) + "…"
  }

  private static func padded(_ text: String, to width: Int, isRight: Bool) -> String {
    let padding = String(repeating: " ", count: max(0, width - text.count))
    return isRight ? padding + text : text + padding
  }
}
