import AtelierCore
import AtelierMCP
import AtelierTesting
import Logging
import Synchronization
import Testing

/// A server inside the test: keeps what it was sent and answers by a function, or not at all.
final class ScriptedServer: Sendable {
  enum Reply: Sendable {
    case result(JSONObject)
    case failure(RPCFailure)
    case failed(MCPError)
    case silence
  }

  private let box = FrameBox()
  let transport: InMemoryTransport

  init(_ answer: @escaping @Sendable (_ method: String, _ params: JSONObject) -> Reply) {
    transport = InMemoryTransport { [box] frame, deliver in
      box.add(frame)
      guard case .request(let id, let method, let params) = frame.message else { return }
      switch answer(method, params ?? [:]) {
      case .result(let result): await deliver(.message(.result(id: id, result)))
      case .failure(let failure): await deliver(.message(.failure(id: id, failure)))
      case .failed(let error): await deliver(.failed(id, error))
      case .silence: break
      }
    }
  }

  var frames: [OutboundFrame] { box.frames }
  var methods: [String] {
    frames.compactMap {
      switch $0.message {
      case .request(_, let method, _), .notification(let method, _): method
      case .result, .failure: nil
      }
    }
  }

  func params(of method: String) -> JSONObject? {
    for frame in frames.reversed() {
      if case .request(_, method, let params) = frame.message { return params }
    }
    return nil
  }

  func id(of method: String) -> RequestID? {
    for frame in frames.reversed() {
      if case .request(let id, method, _) = frame.message { return id }
    }
    return nil
  }

  private final class FrameBox: Sendable {
    private let state = Mutex<[OutboundFrame]>([])
    var frames: [OutboundFrame] { state.withLock { $0 } }
    func add(_ frame: OutboundFrame) { state.withLock { $0.append(frame) } }
  }

  /// Answers the handshake as a server of that version, and everything else by `answer`.
  static func handshake(
    _ version: String = "2025-06-18", announcesChanges: Bool = false,
    _ answer: @escaping @Sendable (_ method: String, _ params: JSONObject) -> Reply
  ) -> ScriptedServer {
    ScriptedServer { method, params in
      switch method {
      case "server/discover": .failure(RPCFailure(code: RPCFailure.methodNotFound, message: "what?"))
      case "initialize":
        .result([
          "protocolVersion": .string(version), "capabilities": ["tools": ["listChanged": .bool(announcesChanges)]],
          "serverInfo": ["name": "scripted", "version": "1"],
        ])
      default: answer(method, params)
      }
    }
  }

  static func stateless(
    announcesChanges: Bool = false,
    _ answer: @escaping @Sendable (_ method: String, _ params: JSONObject) -> Reply
  ) -> ScriptedServer {
    ScriptedServer { method, params in
      if method == "server/discover" {
        return .result([
          "supportedVersions": ["2026-07-28"], "capabilities": ["tools": ["listChanged": .bool(announcesChanges)]],
        ])
      }
      return answer(method, params)
    }
  }

  func client(_ clock: TestClock = TestClock()) -> MCPClient {
    MCPClient(
      transport, identity: ClientIdentity(version: "9"), clock: clock,
      logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
  }
}

func tools(_ names: String..., more: JSONObject = [:]) -> JSONObject {
  var page = more
  page["tools"] = .array(names.map { ["name": .string($0), "inputSchema": ["type": "object"]] })
  return page
}
