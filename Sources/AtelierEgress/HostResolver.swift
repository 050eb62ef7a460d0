/// Turns a host's name into addresses.
package protocol HostResolver: Sendable {
  /// In the order they should be tried; empty when there is none. Returns soon when the task is cancelled.
  func addresses(of host: String) async -> [IPAddress]
}
