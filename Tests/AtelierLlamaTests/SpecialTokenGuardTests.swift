import Testing

@testable import AtelierLlama

struct SpecialTokenGuardTests {
  private static let table = SpellingTable(["<|im_end|>", "<|im_start|>", "<s>", "<s>x", "<｜User｜>"])

  @Test(arguments: [
    "", "plain", "<|im_end|>", "a<|im_end|><|im_start|>b", "<|im_end|", "<<s>>", "<s>x<s>y", "é<｜User｜>é", "\u{F0000}",
    "x\u{F0001}\u{10FFFD}<s>\u{F0000}", "<",
  ])
  func restoringGivesTheTextAndNoSpellingIsLeft(_ text: String) {
    var guarded = SpecialTokenGuard(Self.table)
    let protected = guarded.protect(text)
    #expect(guarded.restored(protected) == text)
    #expect(!protected.contains("<|im_end|>") && !protected.contains("<s>") && !protected.contains("<｜User｜>"))
    let segments = guarded.segments(of: protected)
    #expect(segments.map(\.text).joined() == text)
    #expect(!guarded.isExhausted)
  }

  @Test func onlyTheTemplatesOwnSpellingsParse() {
    var guarded = SpecialTokenGuard(Self.table)
    let prompt = "<s>" + guarded.protect("a<s>b") + "<s>"
    #expect(
      guarded.segments(of: prompt) == [
        .init(text: "<s>a", parsesSpecial: true), .init(text: "<s>", parsesSpecial: false),
        .init(text: "b<s>", parsesSpecial: true),
      ])
  }

  @Test func aClientCannotForgeAMarker() {
    var guarded = SpecialTokenGuard(Self.table)
    let text = guarded.protect("\u{F0000}<s>\u{F0001}")
    #expect(guarded.restored(text) == "\u{F0000}<s>\u{F0001}")
  }

  @Test func anImageHasAPlaceThatNoTextCanTake() {
    var guarded = SpecialTokenGuard(Self.table)
    let prompt = guarded.protect("\u{F0000}") + guarded.marker(forImage: 7) + guarded.protect("\u{F0001}") + "x"
    #expect(
      guarded.segments(of: prompt) == [
        .init(text: "\u{F0000}", parsesSpecial: false), .init(text: "", parsesSpecial: false, image: 7),
        .init(text: "\u{F0001}", parsesSpecial: false), .init(text: "x", parsesSpecial: true),
      ])
    #expect(guarded.restored(prompt) == "\u{F0000}\u{F0001}x")
  }
}
