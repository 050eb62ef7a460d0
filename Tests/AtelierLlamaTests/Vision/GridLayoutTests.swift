import Testing

@testable import AtelierLlama

struct GridLayoutTests {
  /// Three tokens, 12 rows on 4 positions, two tokens, 6 rows on 3 positions, tokens.
  private var layout: GridLayout {
    var layout = GridLayout()
    layout.add(start: 3, rows: 12, positions: 4)
    layout.add(start: 17, rows: 6, positions: 3)
    return layout
  }

  @Test func tokensBehindAPictureMoveUp() {
    let layout = layout
    #expect([0, 2, 3].map(layout.position) == [0, 2, 3])
    #expect([4, 14].map(layout.position) == [nil, nil])
    #expect([15, 16, 17].map(layout.position) == [7, 8, 9])
    #expect(layout.position(of: 18) == nil)
    #expect([23, 30].map(layout.position) == [12, 19])
  }

  @Test func aCutForgetsWhatBeginsBehindIt() {
    var layout = layout
    layout.cut(at: 17)
    #expect(layout.position(of: 20) == 12)
    #expect(layout == self.layout.prefix(17))
    #expect(layout != self.layout.prefix(18))
    layout.cut(at: 0)
    #expect(layout == GridLayout())
  }

  @Test func partsOfOnePictureAreOnePicture() {
    var layout = layout
    layout.add(start: 17, rows: 6, positions: 3)
    #expect(layout == self.layout)
  }
}
