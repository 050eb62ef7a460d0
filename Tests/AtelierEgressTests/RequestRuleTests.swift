import AtelierCore
import Testing

@testable import AtelierEgress

struct RequestRuleTests {
  @Test(arguments: [
    "", "huggingface.co", "ftp://a/b", "file:///etc/passwd", "http://", "http://u@a/", "http://u:p@a/", "http://a b/",
    "http://a\\@b/", "http://a:0/", "http://a:99999/", "http://a\n/", "https://[fe80::1%25eth0]/",
  ])
  func otherTextIsNoAddress(text: String) { #expect(WebAddress(text) == nil) }

  @Test func addressesAreNormalised() throws {
    let url = try #require(WebAddress("HTTPS://Example.COM.:443/a%2Fb?q=1#f"))
    #expect(url.description == "https://example.com/a%2Fb?q=1")
    #expect(WebAddress("http://[::1]:8080")?.description == "http://[::1]:8080/")
    #expect(url.resolving("/x")?.description == "https://example.com/x")
    #expect(url.resolving("c?d")?.description == "https://example.com/c?d")
    #expect(url.resolving("//other.example/x")?.description == "https://other.example/x")
  }

  @Test func redirectsStayEncryptedOrAtTheConfiguredHub() throws {
    let hub = try #require(WebAddress("http://hub.lan:8080/a"))
    let policy = RedirectPolicy.follow
    func next(_ location: String?, hops: Int = 0, trusted: Origin? = nil) throws -> String {
      try policy.next(from: hub, location: location, hops: hops, trusted: trusted).description
    }
    #expect(try next("https://cdn.example/f") == "https://cdn.example/f")
    #expect(try next("/f", trusted: hub.origin) == "http://hub.lan:8080/f")
    #expect(throws: EgressError.forbiddenRedirect) { try next("/f") }
    #expect(throws: EgressError.forbiddenRedirect) { try next("http://hub.lan:8081/f", trusted: hub.origin) }
    #expect(throws: EgressError.forbiddenRedirect) { try next("ftp://x/") }
    #expect(throws: EgressError.forbiddenRedirect) { try next(nil) }
    #expect(try next("https://cdn.example/f", hops: 4) == "https://cdn.example/f")
    #expect(throws: EgressError.tooManyRedirects) { try next("https://cdn.example/f", hops: 5) }
  }

  @Test func headersCannotBreakOutOrSteerTheConnection() {
    #expect(OutboundRequest.isAllowed(name: "X-Api-Key", value: "abc"))
    for name in ["Host", "content-length", "Transfer-Encoding", "Connection", "Authorization", "", "a b", "a:b", "ä"] {
      #expect(!OutboundRequest.isAllowed(name: name, value: "x"))
    }
    for value in ["a\r\nb", "a\0", "\u{7F}"] { #expect(!OutboundRequest.isAllowed(name: "x", value: value)) }
  }

  @Test func proxyVariablesAreHonoured() throws {
    let settings = ProxySettings(environment: [
      "HTTPS_PROXY": "http://user:pw@proxy.lan:3128", "http_proxy": "plain.lan",
      "NO_PROXY": ".corp.lan, 10.0.0.5,x.y:8443",
    ])
    func proxy(_ url: String) throws -> ProxySettings.Proxy? {
      try settings.proxy(for: #require(WebAddress(url)).origin)
    }
    let secure = try #require(try proxy("https://huggingface.co/"))
    #expect(secure.host == "proxy.lan" && secure.port == 3128 && secure.user == "user")
    #expect(!"\(secure)".contains("pw"))
    #expect(try proxy("http://a.b/")?.host == "plain.lan")
    for direct in [
      "https://a.corp.lan/", "https://corp.lan/", "https://10.0.0.5/", "https://x.y:8443/", "https://localhost/",
      "http://127.0.0.1:9/", "http://[::1]/",
    ] {
      #expect(try proxy(direct) == nil)
    }
    #expect(try proxy("https://x.y/") != nil)
    let bad = ProxySettings(environment: ["ALL_PROXY": "quic://x"])
    #expect(throws: EgressError.badProxy) { try bad.proxy(for: Origin(scheme: .https, host: "a", port: 443)) }
  }
}
