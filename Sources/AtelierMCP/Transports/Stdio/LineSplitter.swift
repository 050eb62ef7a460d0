/// Cuts a stream of bytes at newlines. Any cutting of the same bytes gives the same lines.
package struct LineSplitter: Sendable {
  /// A line longer than allowed.
  package struct TooLong: Error, Sendable, Hashable {}

  private let limit: Int
  private var line: [UInt8] = []

  /// `limit`: bytes of a line without its end.
  package init(limit: Int = MCPLimits.messageBytes) { self.limit = limit }

  /// The lines that are complete, without `\n` or `\r\n` and without empty ones.
  package mutating func feed(_ bytes: some Sequence<UInt8>) throws(TooLong) -> [[UInt8]] {
    var lines: [[UInt8]] = []
    for byte in bytes {
      if byte == 0x0A {
        if line.last == 0x0D { line.removeLast() }
        if !line.isEmpty { lines.append(line) }
        line.removeAll(keepingCapacity: line.capacity <= 65_536)
      } else {
        guard line.count < limit else { throw TooLong() }
        line.append(byte)
      }
    }
    return lines
  }
}
