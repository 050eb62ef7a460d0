import AsyncHTTPClient
import AtelierCore
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL

/// The one way out: every outbound HTTP request of the API process goes through here and under its address rules.
///
/// A host is resolved once and the connection goes to an address that was checked, so a name cannot change its meaning in
/// between. Each redirect is a new request under the same rules. Through a proxy the proxy resolves names; addresses
/// written as such are checked all the same.
package struct Egress: Sendable {
  private let policy: AddressPolicy
  private let proxies: ProxySettings
  private let resolver: any HostResolver
  private let lookUpTimeout: Duration

  /// Addresses of one host that are tried.
  private static let mostAddresses = 3
  private static let connectTimeout = TimeAmount.seconds(10)

  /// `lookUpTimeout`: how long the look-up of a host's name may take, within what a request has in all.
  package init(
    policy: AddressPolicy, proxies: ProxySettings = ProxySettings(), resolver: any HostResolver = SystemResolver(),
    lookUpTimeout: Duration = .seconds(10)
  ) {
    self.policy = policy
    self.proxies = proxies
    self.resolver = resolver
    self.lookUpTimeout = lookUpTimeout
  }

  /// Sends the request and hands the answer's head to `read`, whatever its status. The connection ends with the call.
  package func withResponse<Value>(
    to request: OutboundRequest, _ read: (inout OutboundResponse) async throws -> Value
  ) async throws -> Value {
    try request.check()
    let start = ContinuousClock.now
    var url = request.url
    var hops = 0
    while true {
      let (client, response) = try await send(request, to: url, until: start + request.headTimeout)
      let outcome: Result<Value, any Error>?
      if RedirectPolicy.isRedirect(Int(response.status.code)), request.redirects.limit > 0 {
        outcome = nil
      } else {
        var answer = OutboundResponse(
          response, url: url, deadline: request.totalTimeout.map { start + $0 }, limit: request.bodyLimit)
        do { outcome = .success(try await read(&answer)) } catch { outcome = .failure(error) }
      }
      try? await client.shutdown()
      if let outcome { return try outcome.get() }
      url = try request.redirects.next(
        from: url, location: response.headers.first(name: "location"), hops: hops, trusted: request.trusted)
      hops += 1
    }
  }

  /// Throws `forbiddenAddress` when nothing at this origin may be connected to, `timedOut` when its name cannot be looked up in
  /// time. A name without an address passes: the request itself will say so. `trusted`: see `OutboundRequest`.
  package func check(_ origin: Origin, trusted: Origin?) async throws(EgressError) {
    do { _ = try await routes(to: origin, trusted: trusted, within: lookUpTimeout) } catch  where error == .unresolvable
    {
      return
    }
  }

  // MARK: One hop

  private func send(
    _ request: OutboundRequest, to url: WebAddress, until deadline: ContinuousClock.Instant
  ) async throws(EgressError) -> (HTTPClient, HTTPClientResponse) {
    let wire = Self.wire(request, to: url)
    var failure = EgressError.cannotConnect
    let time = min(lookUpTimeout, ContinuousClock.now.duration(to: deadline))
    for route in try await routes(to: url.origin, trusted: request.trusted, within: time) {
      let left = ContinuousClock.now.duration(to: deadline)
      guard left > .zero else { throw .timedOut }
      let client = HTTPClient(
        eventLoopGroupProvider: .shared(MultiThreadedEventLoopGroup.singleton),
        configuration: Self.configuration(route, url.origin, idle: request.idleTimeout))
      do {
        return (client, try await client.execute(wire, timeout: .nanoseconds(left.nanoseconds)))
      } catch {
        try? await client.shutdown()
        failure = Self.cause(of: error, connected: false)
        guard failure == .cannotConnect else { throw failure }
      }
    }
    throw failure
  }

  private enum HopRoute {
    case proxy(ProxySettings.Proxy)
    case address(IPAddress)
  }

  private func routes(
    to origin: Origin, trusted: Origin?, within time: Duration
  ) async throws(EgressError) -> [HopRoute] {
    let isTrusted = origin == trusted
    func permitted(_ addresses: [IPAddress]) throws(EgressError) -> [IPAddress] {
      let permitted = isTrusted ? addresses : policy.permitted(addresses, for: origin)
      guard !permitted.isEmpty else { throw .forbiddenAddress }
      return permitted
    }
    if let address = origin.address { _ = try permitted([address]) }
    if let proxy = try proxies.proxy(for: origin) { return [.proxy(proxy)] }
    let addresses =
      if let address = origin.address { [address] } else { try await addresses(of: origin.host, within: time) }
    guard !addresses.isEmpty else { throw .unresolvable }
    return try permitted(addresses).prefix(Self.mostAddresses).map(HopRoute.address)
  }

  private func addresses(of host: String, within time: Duration) async throws(EgressError) -> [IPAddress] {
    let found = await withTaskGroup(of: [IPAddress]?.self) { group in
      group.addTask { await resolver.addresses(of: host) }
      group.addTask {
        try? await Task.sleep(for: time)
        return nil
      }
      defer { group.cancelAll() }
      return await group.next() ?? nil
    }
    guard let found else { throw .timedOut }
    return found
  }

  private static func configuration(
    _ route: HopRoute, _ origin: Origin, idle: Duration
  ) -> HTTPClient.Configuration {
    var configuration = HTTPClient.Configuration(
      redirectConfiguration: .disallow,
      timeout: .init(connect: connectTimeout, read: .nanoseconds(idle.nanoseconds)), decompression: .disabled)
    configuration.httpVersion = .http1Only
    // The pool would try again until the connect timeout; here the caller decides.
    configuration.connectionPool.retryConnectionEstablishment = false
    switch route {
    case .address(let address):
      if origin.address == nil { configuration.dnsOverride = [origin.host: address.description] }
    case .proxy(let proxy) where proxy.isSOCKS:
      configuration.proxy = .socksServer(host: proxy.host, port: proxy.port)
    case .proxy(let proxy):
      configuration.proxy =
        if let user = proxy.user {
          .server(
            host: proxy.host, port: proxy.port,
            authorization: .basic(username: user, password: proxy.password?.value ?? ""))
        } else { .server(host: proxy.host, port: proxy.port) }
    }
    return configuration
  }

  private static func wire(_ request: OutboundRequest, to url: WebAddress) -> HTTPClientRequest {
    var wire = HTTPClientRequest(url: url.description)
    wire.method = HTTPMethod(rawValue: request.method.rawValue)
    wire.headers = HTTPHeaders(request.headers.map { ($0.name, $0.value) })
    if !wire.headers.contains(name: "accept-encoding") { wire.headers.add(name: "accept-encoding", value: "identity") }
    if !wire.headers.contains(name: "user-agent") { wire.headers.add(name: "user-agent", value: "atelier") }
    if let authorization = request.authorization, url.origin == request.url.origin {
      wire.headers.add(name: "authorization", value: authorization.value)
    }
    if let body = request.body { wire.body = .bytes(body) }
    return wire
  }

  static func cause(of error: any Error, connected: Bool) -> EgressError {
    switch error {
    case let error as EgressError: error
    case is CancellationError: .interrupted
    case let error as HTTPClientError
    where error == .readTimeout || error == .deadlineExceeded || error == .getConnectionFromPoolTimeout:
      .timedOut
    case let error as HTTPClientError where error == .connectTimeout: .cannotConnect
    case let error as HTTPClientError
    where error == .remoteConnectionClosed || error == .cancelled || error == .bodyLengthMismatch:
      .interrupted
    case is NIOSSLError, is BoringSSLError: connected ? .interrupted : .untrusted
    case is NIOConnectionError: .cannotConnect
    default: connected ? .interrupted : .cannotConnect
    }
  }
}

extension Duration {
  /// Saturating.
  var nanoseconds: Int64 {
    let (seconds, attoseconds) = components
    let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
    return overflow ? .max : product.addingReportingOverflow(attoseconds / 1_000_000_000).partialValue
  }
}
