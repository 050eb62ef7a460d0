import AtelierCore
import Foundation
import Testing

@testable import AtelierAPI

struct ReasoningSealTests {
  private let seal = ReasoningSeal(key: [1, 2, 3])

  @Test(arguments: ["", "First I look.\n🙂", String(repeating: "x", count: 5000)]) func ownTextComesBack(text: String) {
    #expect(seal.open(seal.seal(text)) == text)
  }

  @Test func nothingElseIsTakenForIt() throws {
    let sealed = seal.seal("text")
    #expect(ReasoningSeal(key: [9]).open(sealed) == nil)
    for foreign in ["", "atl1.", "atl1.AAAA", "gAAAAABo…", "atl2." + sealed.dropFirst(5)] {
      #expect(seal.open(foreign) == nil)
    }
    var bytes = try #require(Data(base64Encoded: String(sealed.dropFirst(5))))
    for place in bytes.indices {
      bytes[place] ^= 1
      #expect(seal.open("atl1." + bytes.base64EncodedString()) == nil)
      bytes[place] ^= 1
    }
    #expect(seal.open("atl1." + bytes.base64EncodedString()) == "text")
  }

  @Test func theKeyIsNotPrinted() {
    let seal = ReasoningSeal(key: [77, 78])
    #expect("\(seal)" == "[redacted]" && !String(reflecting: seal).contains("77"))
    #expect(!"\(ResponseStamp(created: 0, token: "", seal: seal))".contains("77"))
  }
}
