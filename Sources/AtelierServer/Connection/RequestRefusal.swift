import AtelierCore
import HTTPTypes

/// Why the bytes of a connection are no request that will be answered. Nothing after them is read as one.
struct RequestRefusal: Error, Sendable, Hashable {
  /// Number and words, as the status line has them.
  var status: HTTPResponse.Status
  var error: AtelierError

  private init(_ status: HTTPResponse.Status, _ code: AtelierError.Code, _ message: String) {
    self.status = status
    error = AtelierError(code, message)
  }

  /// `rule`: what the request broke, as the end of a sentence.
  static func malformed(_ rule: String) -> RequestRefusal {
    RequestRefusal(.badRequest, .malformedRequest, "The request is not valid HTTP/1.1: \(rule).")
  }

  static let encrypted = RequestRefusal(
    .badRequest, .malformedRequest, "This port speaks plain HTTP; use http:// instead of https://.")
  static let method = RequestRefusal(
    .methodNotAllowed, .methodNotAllowed, "This server does not know the method of the request.")
  static let slowHead = RequestRefusal(
    .requestTimeout, .requestTimeout, "The head of the request did not arrive in time.")
  static let requestLineTooLong = RequestRefusal(
    .uriTooLong, .requestTooLarge, "The request line is longer than \(RequestParser.longestRequestLine) bytes.")
  static let fieldTooLong = RequestRefusal(
    .requestHeaderFieldsTooLarge, .requestTooLarge, "A header field is longer than \(RequestParser.longestField) bytes."
  )
  static let headTooLong = RequestRefusal(
    .requestHeaderFieldsTooLarge, .requestTooLarge,
    "The header fields are longer than \(RequestParser.longestHead) bytes in total.")
  static let tooManyFields = RequestRefusal(
    .requestHeaderFieldsTooLarge, .requestTooLarge,
    "The request has more than \(RequestParser.mostFields) header fields.")
  static let tooManyConnections = RequestRefusal(
    .serviceUnavailable, .serverBusy, "This address has too many open connections to this server.")
  static let version = RequestRefusal(
    .init(code: 505, reasonPhrase: "HTTP Version Not Supported"), .malformedRequest,
    "This port speaks HTTP/1.1 and HTTP/1.0 only.")
}
