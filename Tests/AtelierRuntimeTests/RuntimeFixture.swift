import AtelierCore
import AtelierModels
import AtelierRuntime
import AtelierStore
import AtelierTesting
import Foundation
import Testing

/// A runtime over scripted engines, a clock turned by hand and a store in a folder of its own.
final class RuntimeFixture: Sendable {
  let launcher = ScriptedLauncher()
  let clock = TestClock()
  let folder: URL
  let store: ConversationStore
  let registry: ModelRegistry
  let service: GenerationService

  init(
    settings: RuntimeSettings = RuntimeSettings(), models: [ModelDescription]? = nil,
    defaults: [String: ModelDefaults] = [:], tools: ToolSupport? = nil,
    availableBytes: (@Sendable (ScriptedLauncher) -> Int64)? = nil
  ) throws {
    folder = FileManager.default.temporaryDirectory.appending(path: "atelier-runtime-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    store = try ConversationStore(at: folder.appending(path: "atelier.sqlite"))
    let reasoning = ReasoningCapability(allowedOptions: [.off, .on], defaultOption: .on)
    let list =
      models ?? [
        ScriptedModels.model("a"), ScriptedModels.model("b", quantizations: ["Q4_1", "Q8_0"]),
        ScriptedModels.model("thinker", capabilities: ModelCapabilities(vision: true, reasoning: reasoning)),
        ScriptedModels.model("text-embedding-e", kind: .embedding),
      ]
    registry = ModelRegistry(
      source: ScriptedModels(list, defaults: defaults), launcher: launcher, settings: settings, clock: clock,
      guardrail: MemoryGuardrail { [launcher] in availableBytes?(launcher) })
    service = GenerationService(registry: registry, store: store, tools: tools, clock: clock)
  }

  deinit { try? FileManager.default.removeItem(at: folder) }

  func request(_ model: String = "a", _ text: String = "Hi", store: Bool = false) -> GenerationRequest {
    GenerationRequest(model: model, input: .chat([Message(.user, text)]), store: store)
  }

  /// The whole answer's events.
  func answer(_ request: GenerationRequest) async throws -> [GenerationEvent] {
    let stream = try await service.generate(request)
    return await Self.collect(stream)
  }

  static func collect(_ stream: AsyncStream<GenerationEvent>) async -> [GenerationEvent] {
    var events: [GenerationEvent] = []
    for await event in stream { events.append(event) }
    return events
  }

  func instances() async -> [String] { await registry.instances().map { "\($0.id) \($0.state.rawValue)" } }
}

func code<Value>(_ body: () async throws -> Value) async -> AtelierError.Code? {
  do {
    _ = try await body()
    return nil
  } catch {
    return (error as? AtelierError)?.code
  }
}

extension [GenerationEvent] {
  var result: GenerationResult? { if case .finished(let result)? = last { result } else { nil } }
  var failure: AtelierError? { lazy.compactMap { if case .failed(let error) = $0 { error } else { nil } }.first }
  var loads: Bool { contains(.loadStarted) }
}
