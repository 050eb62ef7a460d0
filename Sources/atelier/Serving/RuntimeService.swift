import AtelierCore
import AtelierMCP
import AtelierModels
import AtelierRuntime
import AtelierStore
import Foundation
import Logging
import ServiceLifecycle

/// Keeps the chat store within its limits and idle tool servers from running on, and ends the workers when the server stops.
struct RuntimeService: Service {
  let registry: ModelRegistry
  let store: ConversationStore
  let downloads: DownloadManager
  let plugins: PluginManager
  let retention: RetentionPolicy
  let logger: Logger

  /// What is stored beyond the limits lives so long.
  private static let retentionInterval = Duration.seconds(60)

  func run() async throws {
    try? await cancelWhenGracefulShutdown {
      try await withThrowingDiscardingTaskGroup { group in
        group.addTask { await plugins.run() }
        while true {
          await applyRetention()
          try await Task.sleep(for: Self.retentionInterval)
        }
      }
    }
    await downloads.shutdown()
    async let ended: Void = plugins.shutdown()
    await registry.shutdown()
    await ended
    try store.close()
  }

  private func applyRetention() async {
    do { try await store.apply(retention, now: SystemClock.wallMilliseconds) } catch {
      logger.warning("Old chats could not be removed: \(error.message)")
    }
  }
}
