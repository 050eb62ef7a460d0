import Synchronization

/// Bytes of the bodies of all requests that are being received or answered: what clients can make the server hold together.
///
/// A body counts as it arrives, not as it is announced, so nobody takes room that they do not fill. Small bodies always fit:
/// the number of connections bounds them.
final class BodyBudget: Sendable {
  /// Bytes of one body that need no room.
  static let always = 64 << 10

  private let limit: Int
  private let used = Mutex(0)

  /// `limit`: bytes.
  init(limit: Int) { self.limit = limit }

  /// The part of one request, given back when the value goes.
  final class Share: Sendable {
    private let budget: BodyBudget
    private let bytes = Mutex(0)

    init(of budget: BodyBudget) { self.budget = budget }

    deinit { budget.used.withLock { $0 -= bytes.withLock { max(0, $0 - BodyBudget.always) } } }

    /// False, and nothing is taken, when there is no room for so many more bytes.
    func grow(by count: Int) -> Bool {
      bytes.withLock { bytes in
        let more = max(0, bytes + count - BodyBudget.always) - max(0, bytes - BodyBudget.always)
        guard more == 0 || budget.take(more) else { return false }
        bytes += count
        return true
      }
    }
  }

  private func take(_ count: Int) -> Bool {
    used.withLock { used in
      guard count <= limit - used else { return false }
      used += count
      return true
    }
  }
}
