/// Takes the bytes of one answer; called by one task, in order.
package protocol TransferSink: AnyObject {
  /// False: the body is not wanted.
  func began(at start: Int64, total: Int64?) async -> Bool
  /// False: no more is wanted.
  func took(_ bytes: [UInt8]) async -> Bool
}
