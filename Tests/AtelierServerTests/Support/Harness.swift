import AtelierCore
import AtelierServer
import HTTPTypes
import HummingbirdCore
import Logging
import NIOCore

/// The whole server short of its socket.
struct Harness {
  let generation: ScriptedGeneration
  var settings = patient
  var authorizer: any Authorizer = OpenAuthorizer()
  var turns = ScriptedTurns()

  /// Tests of other targets that compute for long keep this process's threads busy; a body that waits for one has not stopped.
  private static let patient = {
    var settings = Settings()
    settings.bodyGapSeconds = 3600
    return settings
  }()

  init(_ generation: ScriptedGeneration = ScriptedGeneration(Script.answer("Hel", "lo."))) {
    self.generation = generation
  }

  var responder: ServerResponder {
    ServerResponder(
      ServerServices(
        generation: generation, models: ScriptedModels(), downloads: ScriptedDownloads(), chats: ScriptedChats(),
        turns: turns, sealKey: [1, 2, 3], authorizer: authorizer),
      settings: settings,
      version: "1.2.3", logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
  }

  /// `responder`: the one of an earlier request, for what a server remembers from one request to the next.
  func send(
    _ method: HTTPRequest.Method, _ path: String, _ body: String = "", headers: HTTPFields = [:],
    authority: String = "localhost:1234", responder: ServerResponder? = nil
  ) async throws -> RecordingSink {
    let head = HTTPRequest(method: method, scheme: "http", authority: authority, path: path, headerFields: headers)
    let sink = RecordingSink()
    try await (responder ?? self.responder).respond(
      to: Request(head: head, body: RequestBody(buffer: ByteBuffer(string: body))), Exchange(head, sink: sink),
      localPort: 1234)
    return sink
  }
}
