import AtelierAPI
import AtelierCore
import AtelierRuntime
import Synchronization

/// The runtime as the Anthropic routes see it: `claude-*` names that match no model are answered by the model that is in
/// use (anthropic.md 9.3).
final class ClaudeModelMapping: GenerationForwarding {
  let base: any GenerationServing
  private let models: any ModelManaging
  /// The model of the last request that was accepted under its own name.
  private let lastAnswered = Mutex<String?>(nil)

  init(_ base: any GenerationServing, models: any ModelManaging) {
    self.base = base
    self.models = models
  }

  func generate(_ request: GenerationRequest) async throws(AtelierError) -> AsyncStream<GenerationEvent> {
    do throws(AtelierError) {
      let events = try await base.generate(request)
      if !request.model.isEmpty { lastAnswered.withLock { $0 = request.model } }
      return events
    } catch {
      return try await base.generate(try await substituted(request, after: error))
    }
  }

  func countTokens(_ request: GenerationRequest) async throws(AtelierError) -> Int {
    do throws(AtelierError) {
      return try await base.countTokens(request)
    } catch {
      return try await base.countTokens(try await substituted(request, after: error))
    }
  }

  /// The request for another model, or the error it met if there is none for it.
  private func substituted(
    _ request: GenerationRequest, after error: AtelierError
  ) async throws(AtelierError) -> GenerationRequest {
    guard error.code == .modelNotFound || error.code == .modelNotLoaded, ClaudeModelNames.contains(request.model) else {
      throw error
    }
    let loaded = await models.instances().filter { $0.kind == .llm && $0.isServing }.map(\.id)
    let substitute = ClaudeModelNames.substitute(
      for: request.model, lastAnswered: lastAnswered.withLock { $0 }, loaded: loaded)
    guard let substitute else { throw error }
    var request = request
    request.model = substitute
    return request
  }
}

extension InstanceDescription {
  fileprivate var isServing: Bool { state != .loading && state != .unloading }
}
