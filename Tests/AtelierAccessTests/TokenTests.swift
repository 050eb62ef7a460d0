import AtelierCore
import Foundation
import Testing

@testable import AtelierAccess

struct TokenTests {
  @Test func newTokensHaveTheContractsShape() throws {
    let tokens = (0..<50).map { _ in APIToken.generate() }
    #expect(Set(tokens.map(\.id)).count == 50 && Set(tokens.map(\.secret)).count == 50)
    for token in tokens {
      #expect(token.text.value.wholeMatch(of: /sk-lm-([A-Za-z0-9]{8}):([A-Za-z0-9]{20})/) != nil)
      #expect(APIToken(token.text) == token)
    }
  }

  @Test(arguments: [
    "", "sk-lm-", "sk-lm-Ab12Cd34", "sk-lm-Ab12Cd34:", "sk-lm-Ab12Cd3:0123456789abcdefGHIJ", "lm-studio",
    "sk-lm-Ab12Cd34:0123456789abcdefGHIJK", "sk-lm-Ab12Cd3!:0123456789abcdefGHIJ",
    "SK-LM-Ab12Cd34:0123456789abcdefGHIJ",
    "sk-lm-Ab12Cd34:0123456789abcdefGHI\u{e9}", "sk-lm-Ab12Cd34:0123456789:bcdefGHIJ",
    "sk-lm-Ab12Cd34:0123456789[bcdefGHIJ",
  ])
  func otherShapesAreNoTokens(text: String) { #expect(APIToken(Secret(text)) == nil) }

  @Test(arguments: [
    ("sk-lm-Ab12Cd34:0123456789abcdefGHIJ", "'sk-lm-Ab12Cd…'"), ("hunter2", "'hun…'"),
    ("sk-proj-abcdefghij", "'sk-pro…'"),
    ("sk-lm-abcd", "'sk-lm-ab…'"), ("", "'…'"), ("\u{1b}[2Jxxxxxxxx", "'?[2Jxx…'"),
  ])
  func anExcerptIsTooLittleToUse(text: String, expected: String) {
    #expect(APIToken.excerpt(of: Secret(text)) == expected)
  }

  @Test func aRecordKnowsItsSecretWithoutKeepingIt() throws {
    let token = APIToken.generate()
    let record = TokenRecord(token, name: "n", permissions: .standard, createdAt: 1, expiresAt: nil)
    #expect(record.matches(token.secret))
    #expect(!record.matches(APIToken.generate().secret))
    #expect(!record.json.serialized().contains(token.secret.value))
    #expect(!String(describing: record).contains(token.secret.value))
    let twin = TokenRecord(token, name: "n", permissions: .standard, createdAt: 1, expiresAt: nil)
    #expect(twin.json["hash"] != record.json["hash"])
  }

  @Test func permissionsAreWrittenAsTheyAreRead() throws {
    #expect(Permissions.standard.names == ["inference", "models.read", "models.load"])
    for names in [
      [], ["inference"], ["models.read", "mcp.plugins:files", "mcp.plugins:my hub"], ["mcp.plugins"],
      ["inference", "models.read", "models.load", "models.download", "mcp.ephemeral", "chats.all", "mcp.plugins"],
    ] {
      #expect(try Permissions(names: names).names == names)
    }
    #expect(try Permissions(names: ["all"]).names.count == 7)
    #expect(throws: PermissionProblem.self) { try Permissions(names: ["inference", "root"]) }
    #expect(throws: PermissionProblem.self) { try Permissions(names: ["mcp.plugins:"]) }
  }

  @Test func expiriesAreSpansOrTimesToCome() throws {
    let now = try #require(TokenTime.milliseconds("2026-01-31T10:00:00Z"))
    for (text, expected) in [
      ("45m", "2026-01-31T10:45:00.000Z"), ("12h", "2026-01-31T22:00:00.000Z"), ("30d", "2026-03-02T10:00:00.000Z"),
      ("2w", "2026-02-14T10:00:00.000Z"), ("2026-02-01", "2026-02-01T00:00:00.000Z"),
      ("2026-02-01T01:02:03Z", "2026-02-01T01:02:03.000Z"),
    ] {
      #expect(try TokenTime.expiry(text, now: now).map(TokenTime.text) == expected)
    }
    #expect(try TokenTime.expiry("never", now: now) == nil)
    for text in ["", "d", "0d", "-1d", "soon", "2026-01-31", "2020-01-01", "99999999w", "2026-13-01"] {
      #expect(throws: TokenTime.Problem.self) { try TokenTime.expiry(text, now: now) }
    }
  }
}
