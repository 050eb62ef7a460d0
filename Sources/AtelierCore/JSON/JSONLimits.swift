/// Bounds on what the JSON reader accepts (threat model: nesting depth and members in total).
package struct JSONLimits: Sendable, Hashable {
  package var depth: Int
  /// Members of objects and elements of arrays, all together.
  package var members: Int

  package init(depth: Int = 128, members: Int = 100_000) {
    self.depth = depth
    self.members = members
  }

  package static let standard = JSONLimits()
}
