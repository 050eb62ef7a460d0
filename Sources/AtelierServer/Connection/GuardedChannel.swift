import HummingbirdCore
import Logging
import NIOCore

/// Connections behind a `ConnectionGuard` each.
struct GuardedChannel<Base: ServerChildChannel>: ServerChildChannel {
  typealias Value = Base.Value

  let base: Base
  let limits: ConnectionGuard.Limits
  let addresses: AddressCount
  /// TLS stands before it.
  let isSecure: Bool

  func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
    let isWelcome = count(channel)
    let welcome: ConnectionGuard.Welcome =
      isWelcome ? .served : isSecure ? .closed : .refused(.tooManyConnections)
    do {
      try channel.pipeline.syncOperations.addHandler(ConnectionGuard(limits, welcome: welcome))
    } catch {
      return channel.eventLoop.makeFailedFuture(error)
    }
    return base.setup(channel: channel, logger: logger)
  }

  /// Connections through no network socket have no address, and no limit of their own.
  private func count(_ channel: any Channel) -> Bool {
    guard let address = channel.remoteAddress?.ipAddress else { return true }
    channel.closeFuture.whenComplete { [addresses] _ in addresses.leave(address) }
    return addresses.enter(address)
  }

  func handle(value: Value, logger: Logger) async { await base.handle(value: value, logger: logger) }
}
