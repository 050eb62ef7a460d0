/// Why a text is no YAML that `YAMLReader` reads.
package struct YAMLError: Error, Hashable, CustomStringConvertible {
  /// From 1.
  package var line: Int
  package var reason: String

  package init(line: Int, reason: String) {
    self.line = line
    self.reason = reason
  }

  package var description: String { "line \(line): \(reason)" }
}
