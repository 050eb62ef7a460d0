import AtelierCore
import AtelierEgress
import Testing

struct AddressTests {
  @Test(arguments: [
    "0.0.0.0", "10.1.2.3", "100.64.0.1", "100.127.255.255", "127.0.0.1", "127.255.255.254", "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255", "192.0.0.8", "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1", "198.19.255.255",
    "198.51.100.7", "203.0.113.9", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255", "::", "::1",
    "::ffff:8.8.8.8", "::ffff:127.0.0.1", "::8.8.8.8", "64:ff9b::808:808", "64:ff9b:1::1", "100::1", "2001::1",
    "2001:db8::1", "2002:0808:0808::1", "3fff::1", "fc00::1", "fd12:3456::1", "fe80::1", "ff02::1",
  ])
  func specialAddressesAreNotPublic(text: String) throws {
    #expect(try !#require(IPAddress(text)).isPublic)
  }

  @Test(arguments: [
    "1.1.1.1", "8.8.8.8", "100.63.255.255", "100.128.0.1", "172.15.0.1", "172.32.0.1", "192.0.1.1", "198.17.0.1",
    "198.20.0.1", "223.255.255.255", "2606:4700:4700::1111", "2001:4860:4860::8888", "2a00:1450::1",
  ])
  func ordinaryAddressesArePublic(text: String) throws {
    #expect(try #require(IPAddress(text)).isPublic)
  }

  @Test(arguments: [
    "", "localhost", "1.2.3", "0x7f.0.0.1", "2130706433", "256.1.1.1", "1.2.3.4.5", "::g", "fe80::1%eth0",
  ])
  func otherTextIsNoAddress(text: String) { #expect(IPAddress(text) == nil) }

  @Test func theOperatorsListNamesHostAndPort() throws {
    let policy = AddressPolicy(allowing: ["10.0.0.5:8080", "Tools.lan:443", "[fd00::1]:80", "nonsense", "a:b", "x:0"])
    #expect(policy.problems == ["nonsense", "a:b", "x:0"])
    let inner = try [#require(IPAddress("10.0.0.5"))]
    func permitted(_ text: String) throws -> Bool {
      let url = try #require(WebAddress(text))
      return !policy.permitted(inner, for: url.origin).isEmpty
    }
    #expect(try permitted("http://10.0.0.5:8080/"))
    #expect(try !permitted("http://10.0.0.5/"))
    #expect(try permitted("https://tools.lan/x"))
    #expect(try !permitted("http://tools.lan/x"))
    #expect(try permitted("http://[fd00::1]/"))
    #expect(try !permitted("https://other.lan/"))
  }

  @Test func onlyPublicOnesOfSeveralAddressesRemain() throws {
    let addresses = try ["10.0.0.1", "8.8.8.8", "::1", "1.1.1.1"].map { try #require(IPAddress($0)) }
    let origin = try #require(WebAddress("https://example.com/")).origin
    #expect(AddressPolicy().permitted(addresses, for: origin).map(\.description) == ["8.8.8.8", "1.1.1.1"])
  }
}
