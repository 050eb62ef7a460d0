import AtelierCore
import Foundation

/// What commands print: results to standard output, everything else to standard error.
enum Output {
  static func json(_ value: JSONValue) { print(value.serialized()) }

  static func note(_ text: String) { FileHandle.standardError.write(Data((text + "\n").utf8)) }

  /// Columns as wide as their widest cell.
  static func table(_ header: [String], _ rows: [[String]]) {
    let widths = header.indices.map { column in ([header] + rows).map { $0[column].count }.max() ?? 0 }
    for row in [header] + rows {
      let cells = zip(row, widths).dropLast().map { $0.padding(toLength: $1, withPad: " ", startingAt: 0) }
      print((cells + row.suffix(1)).joined(separator: "   "))
    }
  }

  /// Decimal units, as file managers show them: `98.6 MB`.
  static func size(_ bytes: Int) -> String {
    var value = Double(bytes)
    for unit in ["B", "kB", "MB", "GB"] {
      if value < 1000 { return unit == "B" ? "\(bytes) B" : String(format: "%.1f \(unit)", value) }
      value /= 1000
    }
    return String(format: "%.1f TB", value)
  }
}
