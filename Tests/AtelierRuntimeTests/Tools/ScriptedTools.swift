import AtelierCore
import Synchronization

/// Servers of tools inside the test: `label` to its tools, and what calls give.
final class ScriptedTools: ToolProviderSource {
  private struct State {
    var connected: [String] = []
    var closed: [String] = []
    var calls: [String] = []
    var held: [CheckedContinuation<Void, Never>] = []
    var isHeld = false
    var cancelledCalls = 0
    var tools: [String: [String]]
    var refusals: [String: AtelierError] = [:]
  }

  private let state: Mutex<State>
  private let answer: @Sendable (_ tool: String, _ arguments: JSONObject) -> ToolOutcome

  init(
    _ tools: [String: [String]],
    answer: @escaping @Sendable (_ tool: String, _ arguments: JSONObject) -> ToolOutcome = { tool, _ in
      ToolOutcome(output: #"[{"type":"text","text":"\#(tool) says so"}]"#)
    }
  ) {
    state = Mutex(State(tools: tools))
    self.answer = answer
  }

  var connected: [String] { state.withLock(\.connected) }
  var closed: [String] { state.withLock(\.closed) }
  var calls: [String] { state.withLock(\.calls) }
  var cancelledCalls: Int { state.withLock(\.cancelledCalls) }

  func refuse(_ label: String, _ error: AtelierError) { state.withLock { $0.refusals[label] = error } }
  func offer(_ label: String, _ tools: [String]) { state.withLock { $0.tools[label] = tools } }
  /// Calls from now on take until they are cancelled.
  func hold() { state.withLock { $0.isHeld = true } }

  func label(ofPlugin id: String) async -> String? {
    PluginID.label(of: id, among: state.withLock { $0.tools.keys.sorted() })
  }

  func check(_ reference: ToolProviderReference, at place: Int) async throws(AtelierError) {}

  func connect(_ reference: ToolProviderReference) async throws(AtelierError) -> any ToolProvider {
    let (label, info): (String, ToolProviderInfo) =
      switch reference {
      case .plugin(let id, _): (id, .plugin(id: id))
      case .ephemeral(let server): (server.label, .ephemeral(serverLabel: server.label))
      }
    if let error = state.withLock({ $0.refusals[label] }) { throw error }
    state.withLock { $0.connected.append(label) }
    return Provider(source: self, label: label, info: info)
  }

  private struct Provider: ToolProvider {
    let source: ScriptedTools
    let label: String
    let info: ToolProviderInfo

    func tools() async throws(AtelierError) -> [OfferedTool] {
      source.state.withLock { $0.tools[label] ?? [] }.map { OfferedTool(ToolDefinition(name: $0)) }
    }

    func call(_ tool: String, arguments: JSONObject, limit: Duration) async -> ToolOutcome {
      let isHeld = source.state.withLock { state in
        state.calls.append("\(label).\(tool)")
        return state.isHeld
      }
      if isHeld {
        // A call that lasts until it is cancelled, which every test that asks for one does.
        do { try await Task.sleep(for: .seconds(60)) } catch { source.state.withLock { $0.cancelledCalls += 1 } }
      }
      return source.answer(tool, arguments)
    }

    func close() async { source.state.withLock { $0.closed.append(label) } }
  }
}
