import AtelierCore

/// One vendor's way of asking for a generation and of showing one. A dialect is four translations and nothing else: it
/// opens no socket, reads no clock and draws no random number, so the same inputs give the same bytes.
package protocol Dialect: Sendable {
  associatedtype Context: DialectContext
  associatedtype Encoder: StreamEncoder

  /// Reads a wire request. Throws what is wrong with the body: its shape, its ranges, its sizes (`RequestLimits`). Whether
  /// the model exists, can see, or can reason is decided where the model is known.
  static func decode(_ body: JSONValue, stamp: ResponseStamp) throws(AtelierError) -> DecodedRequest<Context>

  /// A fresh encoder for one streamed answer.
  static func encoder(for context: Context) -> Encoder

  /// The body of a whole answer: one `Answer` per choice asked for (`context.choices`), in order. Not for failed
  /// answers: those are rendered by `response(to:)`.
  static func body(of answers: [Answer], in context: Context) -> JSONValue

  static func response(to error: AtelierError) -> ErrorResponse

  /// Whether a streamed answer shows this error inside its stream even when nothing was sent yet. Everything else that
  /// fails so early is an HTTP status.
  static func opensStream(for error: AtelierError) -> Bool

  /// Seconds of silence after which a stream sends `StreamEncoder.keepAlive()`. Also how long the headers of a streamed
  /// answer may wait for the first event, so that what fails before it keeps its HTTP status.
  static var keepAliveSeconds: Int { get }
}

extension Dialect {
  package static func opensStream(for error: AtelierError) -> Bool { false }
}

/// What rendering an answer needs to know of its request.
package protocol DialectContext: Sendable {
  /// The client wants server-sent events.
  var isStreaming: Bool { get }
  /// Answers to generate, 1…32.
  var choices: Int { get }
  /// The name under which a client may end the running answer; nil where a dialect offers no such thing.
  var cancellationID: String? { get }
}

extension DialectContext {
  package var choices: Int { 1 }
  package var cancellationID: String? { nil }
}

package struct DecodedRequest<Context: DialectContext>: Sendable {
  package var request: GenerationRequest
  package var context: Context
  /// What each choice reads, for requests with several prompts; empty when all read `request.input`. Else its count
  /// divides `context.choices`, and the choices of one input follow one another.
  package var inputs: [GenerationInput]

  package init(request: GenerationRequest, context: Context, inputs: [GenerationInput] = []) {
    self.request = request
    self.context = context
    self.inputs = inputs
  }

  /// One request per choice. A given seed goes up by one from sample to sample of an input, else all would be the same.
  package var requests: [GenerationRequest] {
    let samples = inputs.isEmpty ? context.choices : context.choices / inputs.count
    return (0..<context.choices).map { choice in
      var request = request
      if !inputs.isEmpty { request.input = inputs[choice / samples] }
      if let seed = request.sampling.seed { request.sampling.seed = seed &+ UInt32(choice % samples) }
      return request
    }
  }
}
