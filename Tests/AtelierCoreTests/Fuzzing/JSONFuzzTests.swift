import AtelierCore
import AtelierTesting
import Testing

struct JSONFuzzTests {
  /// Whatever the bytes, the reader returns; what it accepts stays the same when it is written and read again; and its
  /// errors point into the document.
  @Test func theReaderReturns() throws {
    let fuzzer = try Fuzzer(
      corpus: "JSON",
      words: [
        "{", "}", "[", "]", "\"", "\\u", "\\ud83d", ":", ",", "null", "true", "-", "e9", "1e400", ".", "\u{FEFF}",
        "NaN",
      ])
    fuzzer.run { bytes, _ in
      #expect(Self.isReadOrRefused(bytes))
    }
  }

  private static func isReadOrRefused(_ bytes: [UInt8]) -> Bool {
    do throws(JSONParseError) {
      let value = try JSONValue(parsing: bytes)
      return (try? JSONValue(parsing: value.serialized())) == value
    } catch {
      return (0...bytes.count).contains(error.offset) && !error.reason.isEmpty
    }
  }

  /// Bounds hold wherever a document breaks them.
  @Test func theLimitsHold() throws {
    let limits = JSONLimits(depth: 4, members: 20)
    try Fuzzer(corpus: "JSON").run { bytes, _ in
      guard let value = try? JSONValue(parsing: bytes, limits: limits) else { return }
      let (depth, members) = Self.measure(value)
      #expect(depth <= limits.depth && members <= limits.members)
    }
  }

  private static func measure(_ value: JSONValue) -> (depth: Int, members: Int) {
    let inner: [JSONValue] =
      switch value {
      case .array(let elements): elements
      case .object(let object): object.values
      default: []
      }
    guard value.arrayValue != nil || value.objectValue != nil else { return (0, 0) }
    let measures = inner.map(measure)
    return (1 + (measures.map(\.depth).max() ?? 0), inner.count + measures.map(\.members).reduce(0, +))
  }
}
