import HTTPTypes
import HummingbirdCore
import NIOCore

/// Where the bytes of one answer go: a connection, or a recorder in tests.
package protocol ResponseSink: AnyObject {
  /// Sends an informational head, such as 100.
  func inform(_ head: HTTPResponse) async throws
  /// Sends a whole answer; nil: the head alone, as HEAD wants it.
  func send(_ head: HTTPResponse, body: ByteBuffer?) async throws
  /// Sends the head of an answer whose body follows.
  func begin(_ head: HTTPResponse) async throws -> any ResponseBodyWriter
  /// Cuts the connection; waiting reads and writes throw.
  var abort: @Sendable () -> Void { get }
  /// Where the short steps of writing run best; nil: anywhere.
  var executor: (any TaskExecutor)? { get }
}

extension ResponseSink {
  package var executor: (any TaskExecutor)? { nil }
}
