import Testing

@testable import AtelierCLI

struct TerminalTextTests {
  // MARK: Tables

  @Test func columnsAreAlignedAndTrailingSpaceIsGone() {
    let table = TextTable(["NAME", ">SIZE", "NOTE"], [["a", "1 B", ""], ["long name", "12 MB", "x"]])
    #expect(
      table.lines() == [
        "NAME        SIZE  NOTE",
        "a            1 B",
        "long name  12 MB  x",
      ])
  }

  @Test func flexibleColumnsGiveWayInANarrowTerminal() {
    let name = String(repeating: "n", count: 60)
    let table = TextTable(["NAME…", ">SIZE", "PATH…"], [[name, "123 MB", name + "/p"]])
    for width in [80, 60, 40] {
      let lines = table.lines(width: width)
      #expect(lines.allSatisfy { $0.count <= width })
      #expect(lines[1].contains("…") && lines[1].contains("123 MB"))
    }
    #expect(table.lines(width: 200)[1].count == 60 + 2 + 6 + 2 + 62)
    #expect(table.lines(width: 10)[1].contains("123 MB"), "what may not be cut is whole")
  }

  @Test func emptyColumnsGoAndRowsAreNumbered() {
    let table = TextTable(["A", "B"], [["1", ""], ["2", ""]]).withoutEmptyColumns.numbered
    #expect(table.lines() == ["#  A", "1  1", "2  2"])
  }

  @Test func namesCannotSteerTheTerminal() {
    let line = TextTable(["A"], [["evil\u{1B}[2J\nname\u{202E}x"]]).lines()[1]
    #expect(line == "evil [2J name x")
    #expect(HumanText.lines("a\u{1B}[31m\nb\tc\r\u{7}") == "a[31m\nb\tc")
  }

  // MARK: Numbers

  @Test(arguments: [
    (0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (98_562_304, "98.6 MB"), (999_960_000, "1.00 GB"),
    (4_680_000_000, "4.68 GB"), (1_500_000_000_000, "1.50 TB"), (-5, "0 B"),
  ])
  func sizes(bytes: Int, text: String) { #expect(HumanText.size(bytes) == text) }

  @Test func progressHasOneUnit() {
    #expect(HumanText.progress(1_310_000_000, of: 4_680_000_000) == "1.31/4.68 GB")
    #expect(HumanText.progress(5, of: 98_562_304) == "0.0/98.6 MB")
    #expect(HumanText.progress(7, of: 9) == "7/9 B")
    #expect(HumanText.progress(12, of: 9) == "9/9 B")
  }

  @Test(arguments: [(0.2, "0:01"), (41, "0:41"), (725, "12:05"), (3723, "1:02:03"), (-3, "0:00")])
  func durations(seconds: Double, text: String) { #expect(HumanText.duration(seconds) == text) }

  // MARK: Progress

  @Test func aLineFitsEveryWidth() {
    let line = ProgressLine(
      label: "Qwen3-4B-Instruct-2507 Q4_K_M", fraction: 0.525,
      details: ["1.31/2.50 GB", "35.2 MB/s", "0:34 left"])
    for width in 23...140 { #expect(line.text(width: width).count <= width - 3) }
    let wide = line.text(width: 110, isUnicode: false)
    #expect(
      wide.contains("Qwen3-4B-Instruct-2507 Q4_K_M  [#") && wide.hasSuffix(" 52 %  1.31/2.50 GB  35.2 MB/s  0:34 left"))
    let usual = line.text(width: 80)
    #expect(usual.contains("35.2 MB/s  0:34 left"), "\(usual)")
    #expect(!line.text(width: 50).contains("left"))
  }

  @Test func aHundredPercentIsShownAtTheEndOnly() {
    #expect(ProgressLine(label: "x", fraction: 0.9999).text(width: 60).contains(" 99 %"))
    let done = ProgressLine(label: "x", fraction: 1).text(width: 60)
    #expect(done.contains("100 %") && !done.contains("░"))
    #expect(ProgressLine(label: "x", fraction: 0).text(width: 60).contains("  0 %"))
  }

  @Test func withoutANumberAMarkWanders() {
    let line = ProgressLine(label: "x")
    let frames = (0..<60).map { line.text(width: 60, tick: $0, isUnicode: false) }
    #expect(Set(frames).count > 5)
    #expect(frames.allSatisfy { $0.filter { $0 == "#" }.count == 3 })
  }
}
