import AtelierCore
import AtelierEgress
import Testing

/// Where requests may go, as the one component that sends them decides it. Nothing here opens a connection: what is
/// refused is refused before that, and what passes is only asked about.
struct EgressRuleTests {
  private struct Names: HostResolver {
    var table: [String: [String]] = [:]

    func addresses(of host: String) async -> [IPAddress] { (table[host] ?? []).compactMap { IPAddress($0) } }
  }

  private func refusal(
    _ url: String, _ names: [String: [String]] = [:], allowing list: [String] = [], trusted: String? = nil
  ) async throws -> EgressError? {
    let egress = Egress(policy: AddressPolicy(allowing: list), resolver: Names(table: names))
    let origin = try #require(WebAddress(url)).origin
    do throws(EgressError) {
      try await egress.check(origin, trusted: trusted.flatMap { WebAddress($0) }?.origin)
      return nil
    } catch {
      return error
    }
  }

  @Test(arguments: [
    "127.0.0.1", "127.1.2.3", "0.0.0.0", "0.1.2.3", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.0.1",
    "100.64.0.1", "100.127.255.255", "169.254.0.1", "169.254.169.254", "169.254.170.2", "224.0.0.1", "239.1.2.3",
    "255.255.255.255", "192.0.0.192", "[::1]", "[::]", "[fe80::1]", "[fd00::1]", "[fd00:ec2::254]", "[ff02::1]",
    "[::ffff:127.0.0.1]", "[::ffff:8.8.8.8]", "[::ffff:a9fe:a9fe]", "[64:ff9b::7f00:1]", "[64:ff9b::808:808]",
    "[2002:7f00:1::]", "[2001:0:7f00:1::]", "[::127.0.0.1]",
  ])
  func addressesWrittenOutAreChecked(host: String) async throws {
    #expect(try await refusal("https://\(host)/") == .forbiddenAddress)
    #expect(try await refusal("https://\(host):8443/") == .forbiddenAddress)
  }

  /// Shortened, octal, decimal and hexadecimal forms are names; what the system makes of them is checked like any name's.
  @Test(arguments: [
    "2130706433", "0x7f000001", "0x7f.0.0.1", "017700000001", "127.1", "0", "localhost", "rebind.example",
  ])
  func whatANameMeansIsChecked(host: String) async throws {
    for address in ["127.0.0.1", "::1", "::ffff:127.0.0.1", "169.254.169.254", "10.1.2.3"] {
      #expect(try await refusal("https://\(host)/", [host: [address]]) == .forbiddenAddress)
    }
    #expect(try await refusal("https://\(host)/", [host: ["8.8.8.8"]]) == nil)
    // One public address among others is enough, and the only one that is used.
    #expect(try await refusal("https://\(host)/", [host: ["127.0.0.1", "8.8.8.8"]]) == nil)
  }

  @Test func theOperatorMayListAnEndpoint() async throws {
    #expect(try await refusal("http://127.0.0.1:8080/", allowing: ["127.0.0.1:8080"]) == nil)
    #expect(try await refusal("http://127.0.0.1:8081/", allowing: ["127.0.0.1:8080"]) == .forbiddenAddress)
    let names = ["tools.lan": ["192.168.1.5"]]
    #expect(try await refusal("http://tools.lan:80/", names, allowing: ["tools.lan:80"]) == nil)
    #expect(
      try await refusal("http://other.lan/", ["other.lan": ["192.168.1.5"]], allowing: ["tools.lan:80"])
        == .forbiddenAddress)
  }

  @Test func theConfiguredHubIsTrustedAndNothingBesideIt() async throws {
    let hub = "http://127.0.0.1:9000"
    #expect(try await refusal("http://127.0.0.1:9000/a", trusted: hub) == nil)
    #expect(try await refusal("http://127.0.0.1:9001/a", trusted: hub) == .forbiddenAddress)
    #expect(try await refusal("https://127.0.0.1:9000/a", trusted: hub) == .forbiddenAddress)
    #expect(
      try await refusal("http://localhost:9000/a", ["localhost": ["127.0.0.1"]], trusted: hub) == .forbiddenAddress)
  }

  /// Answers when it is cancelled, and not before.
  private struct NeverAnswers: HostResolver {
    func addresses(of host: String) async -> [IPAddress] {
      // Ends with the cancellation that the tests are about.
      try? await Task.sleep(for: .seconds(60))
      return []
    }
  }

  @Test func aLookUpWithoutEndIsNotWaitedFor() async throws {
    let egress = Egress(
      policy: AddressPolicy(allowing: []), resolver: NeverAnswers(), lookUpTimeout: .milliseconds(20))
    let url = try #require(WebAddress("https://slow.example/"))
    await #expect(throws: EgressError.timedOut) { try await egress.check(url.origin, trusted: nil) }
    await #expect(throws: EgressError.timedOut) {
      try await egress.withResponse(to: OutboundRequest(.get, url)) { _ in }
    }
    // An address written out needs none.
    let address = try #require(WebAddress("https://8.8.8.8/"))
    try await egress.check(address.origin, trusted: nil)
  }
}
