import Synchronization

/// Counts the bytes of all embeddings that live, in the cache or in requests, so that they stay within a limit.
final class EmbeddingMemory: Sendable {
  /// Bytes in use, given back when it is released.
  final class Reservation: Sendable {
    private let memory: EmbeddingMemory
    private let bytes: Int

    fileprivate init(_ memory: EmbeddingMemory, _ bytes: Int) {
      self.memory = memory
      self.bytes = bytes
    }

    deinit { memory.used.withLock { $0 -= bytes } }
  }

  let limit: Int
  private let used = Mutex(0)

  init(limit: Int) { self.limit = limit }

  var usedBytes: Int { used.withLock { $0 } }

  /// nil when the limit would be passed.
  func reserve(_ bytes: Int) -> Reservation? {
    let fits = used.withLock { used in
      guard bytes <= limit - used else { return false }
      used += bytes
      return true
    }
    return fits ? Reservation(self, bytes) : nil
  }
}
