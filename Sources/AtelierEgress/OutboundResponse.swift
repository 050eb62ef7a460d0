import AsyncHTTPClient
import NIOCore
import NIOHTTP1

/// An answer whose body is read piece by piece, as fast as the reader takes it. Valid inside the call that made it.
package struct OutboundResponse {
  package let status: Int
  /// Where it came from, after redirects.
  package let url: WebAddress
  private let headers: HTTPHeaders
  private var body: HTTPClientResponse.Body.AsyncIterator
  private let deadline: ContinuousClock.Instant?
  private var left: Int64

  init(_ response: HTTPClientResponse, url: WebAddress, deadline: ContinuousClock.Instant?, limit: Int64) {
    status = Int(response.status.code)
    self.url = url
    headers = response.headers
    body = response.body.makeAsyncIterator()
    self.deadline = deadline
    left = limit
  }

  /// Several fields of one name are joined by commas; names in any case.
  package func header(_ name: String) -> String? {
    let values = headers[name]
    return values.isEmpty ? nil : values.joined(separator: ", ")
  }

  /// nil at the end of a body that came whole.
  package mutating func next() async throws(EgressError) -> [UInt8]? {
    if let deadline, deadline < .now { throw .timedOut }
    let piece: ByteBuffer?
    do { piece = try await body.next(isolation: nil) } catch { throw Egress.cause(of: error, connected: true) }
    guard let piece else { return nil }
    left -= Int64(piece.readableBytes)
    guard left >= 0 else { throw .tooLarge }
    return Array(piece.readableBytesView)
  }

  /// The rest of the body.
  package mutating func collect() async throws(EgressError) -> [UInt8] {
    var bytes: [UInt8] = []
    while let piece = try await next() { bytes += piece }
    return bytes
  }
}
