import AtelierAPI
import AtelierCore
import HTTPTypes
import HummingbirdCore
import NIOCore

/// The answering of one request. Belongs to the request's task and never leaves it.
package final class Exchange {
  let requestID: String
  /// Who asks, as far as turns between clients are concerned.
  private(set) var client: UInt64 = 0
  /// What the one who asks may do; nothing until that was decided.
  var caller = Caller(permissions: .nothing)
  /// Decides anew who asks, for answers without end; throws when nobody may have them any more.
  var askAgain: @Sendable () async throws(AtelierError) -> Caller = { () throws(AtelierError) -> Caller in
    throw AtelierError(.permissionDenied, "Nobody was asked.")
  }
  /// What its body takes of the room for all bodies, as long as it is answered.
  var bodyShare: BodyBudget.Share?
  private let request: HTTPRequest
  /// The other end of the connection.
  let address: String?
  private let sink: any ResponseSink
  /// On every response to this request.
  var headers: HTTPFields
  /// The head of an answer is on its way; from now on nothing can become an HTTP status.
  private(set) var hasBegun = false
  /// No further request is read from this connection.
  private(set) var closesConnection = false

  /// `address`: the other end of the connection.
  package init(_ request: HTTPRequest, address: String? = nil, sink: any ResponseSink) {
    self.request = request
    self.address = address
    self.sink = sink
    requestID = "req_" + RandomText.hexadecimal(24)
    headers = [.contentTypeOptions: "nosniff", .requestID: requestID]
  }

  var abort: @Sendable () -> Void { sink.abort }
  var executor: (any TaskExecutor)? { sink.executor }

  /// A token is one client wherever it comes from; without one, programs of one machine are told apart by their names. The
  /// number says nothing outside this process.
  func noteClient(token: String?) {
    var hasher = Hasher()
    hasher.combine(token)
    if token == nil {
      hasher.combine(address)
      hasher.combine(request.headerFields[.userAgent])
    }
    client = UInt64(bitPattern: Int64(hasher.finalize()))
  }

  /// Whether whoever asked may still have what was asked for: the same token, and it still allows it.
  func isStillAllowed() async -> Bool {
    guard let now = try? await askAgain() else { return false }
    return now == caller
  }

  func closeConnectionAfterwards() {
    closesConnection = true
    headers[.connection] = "close"
  }

  /// Tells a client that waits for permission (`Expect: 100-continue`) to send its body.
  func acceptBody() async throws {
    guard request.headerFields[.expect]?.lowercased() == "100-continue" else { return }
    try await sink.inform(HTTPResponse(status: .continue))
  }

  func send(_ value: JSONValue, _ status: HTTPResponse.Status = .ok, headers extra: HTTPFields = [:]) async throws {
    var bytes: [UInt8] = []
    value.write(into: &bytes)
    var fields = extra
    fields[.contentType] = "application/json"
    try await send(status, headers: fields, body: ByteBuffer(bytes: bytes))
  }

  func send(_ error: ErrorResponse, headers extra: HTTPFields = [:]) async throws {
    var fields = extra
    for (name, value) in error.headers { if let name = HTTPField.Name(name) { fields[name] = value } }
    try await send(error.body, HTTPResponse.Status(code: error.status), headers: fields)
  }

  func send(_ status: HTTPResponse.Status, headers extra: HTTPFields = [:], body: ByteBuffer?) async throws {
    var fields = headers
    fields.append(contentsOf: extra)
    if let body { fields[.contentLength] = String(body.readableBytes) }
    hasBegun = true
    try await sink.send(
      HTTPResponse(status: status, headerFields: fields), body: request.method == .head ? nil : body)
  }

  /// Begins an answer that is written piece by piece.
  func begin(_ status: HTTPResponse.Status = .ok, headers extra: HTTPFields) async throws -> any ResponseBodyWriter {
    var fields = headers
    fields.append(contentsOf: extra)
    hasBegun = true
    return try await sink.begin(HTTPResponse(status: status, headerFields: fields))
  }
}

extension HTTPField.Name {
  static let contentTypeOptions = HTTPField.Name("X-Content-Type-Options")!
  static let requestID = HTTPField.Name("x-request-id")!
  static let anthropicRequestID = HTTPField.Name("request-id")!
  static let apiKey = HTTPField.Name("x-api-key")!
}
