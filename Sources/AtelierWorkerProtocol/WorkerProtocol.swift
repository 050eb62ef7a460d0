/// The conversation between the API process and a worker, over a Unix stream socket pair.
///
/// A frame is a 4-byte little-endian length, a 1-byte type and a payload; the length counts the type and the payload.
/// Integers are LEB128 varints (zigzag where negative values are possible), strings are length-prefixed UTF-8, floating
/// point numbers are little-endian IEEE 754. What is sent seldom carries its value as JSON inside the payload. A peer that
/// breaks these rules is cut off: after a bad frame nothing later can be trusted.
package enum WorkerProtocol {
  /// Raised with every change of a frame's meaning. Both processes come from one build, so only equality is of use.
  package static let version: UInt32 = 4

  /// Bytes of a command frame at most: a request's images travel in it.
  package static let maxCommandBytes = 80 << 20
  /// Bytes of a report frame at most: what a worker can make the API process hold.
  package static let maxReportBytes = 16 << 20

  /// Numbers one `embedded` report can carry at most.
  package static let maxEmbeddingNumbers = (maxReportBytes - (64 << 10)) / 4
}
