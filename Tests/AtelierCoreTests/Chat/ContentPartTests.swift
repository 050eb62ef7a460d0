import AtelierCore
import Foundation
import Testing

struct ContentPartTests {
  private let image = ContentPart.image(ImageData(format: .png, bytes: Data([1]), width: 1, height: 1))

  @Test func adjacentTextsBecomeOne() {
    var content: [ContentPart] = []
    content.append(contentsOf: [.text("a"), .text("b"), image, .text("c")], joiningTextWith: "\n")
    content.append(contentsOf: [.text("d")], joiningTextWith: " ")
    #expect(content == [.text("a\nb"), image, .text("c d")])
  }

  /// One message may hold a long text and many short ones; copying the long one for each takes minutes.
  @Test(.timeLimit(.minutes(1)))
  func manyPartsAreJoinedInOneGo() {
    var content: [ContentPart] = [.text(String(repeating: "x", count: 32 << 20))]
    for _ in 0..<100_000 { content.append(.text("y"), joiningTextWith: "") }
    #expect(content.count == 1)
    guard case .text(let text)? = content.first else { return }
    #expect(text.utf8.count == 32 << 20 + 100_000)
  }
}
