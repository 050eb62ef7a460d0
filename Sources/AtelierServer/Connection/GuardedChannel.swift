import HummingbirdCore
import Logging
import NIOCore

/// HTTP/1 connections behind a `ConnectionGuard` each.
struct GuardedChannel: ServerChildChannel {
  typealias Value = HTTP1Channel.Value

  let base: HTTP1Channel
  let limits: ConnectionGuard.Limits
  let addresses: AddressCount

  func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
    let isWelcome = count(channel)
    do {
      try channel.pipeline.syncOperations.addHandler(
        ConnectionGuard(limits, refusal: isWelcome ? nil : .tooManyConnections))
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
