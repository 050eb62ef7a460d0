import AtelierCore
import AtelierModels
import AtelierRuntime
import AtelierStore
import Foundation
import Logging
import ServiceLifecycle

/// Keeps the chat store within its limits, and ends the workers when the server stops.
struct RuntimeService: Service {
  let registry: ModelRegistry
  let store: ConversationStore
  let downloads: DownloadManager
  let retention: RetentionPolicy
  let logger: Logger

  private static let retentionInterval = Duration.seconds(3600)

  func run() async throws {
    try? await cancelWhenGracefulShutdown {
      while true {
        await applyRetention()
        try await Task.sleep(for: Self.retentionInterval)
      }
    }
    await downloads.shutdown()
    await registry.shutdown()
    try store.close()
  }

  private func applyRetention() async {
    do { try await store.apply(retention, now: Int64(Date().timeIntervalSince1970 * 1000)) } catch {
      logger.warning("Old chats could not be removed: \(error.message)")
    }
  }
}
