/// What goes wrong between the two processes.
package enum FrameError: Error, Sendable, Hashable {
  /// The bytes are no frame of this protocol; the text says which rule is broken, for the log.
  case malformed(String)
  /// The frame is larger than its direction allows.
  case tooLarge(bytes: Int)
  /// The value has no form on the wire.
  case notEncodable(String)
  /// The other side is gone or this side was closed.
  case closed
  /// The other side took no bytes for the whole send deadline.
  case timedOut
  /// A system call failed with this `errno`.
  case system(Int32)
}
