import AtelierCore
import Testing

@testable import AtelierMCP

struct PluginTableTests {
  private func entry(_ label: String, _ command: String = "server", disabled: Bool = false) throws -> MCPServerEntry {
    try MCPServerEntry(label: label, ["command": .string(command), "disabled": .bool(disabled)])
  }

  private func table(_ entries: MCPServerEntry...) -> PluginTable {
    var table = PluginTable(idleLimit: .seconds(600))
    table.update(entries)
    return table
  }

  @Test func theFirstWhoWantsItStartsItAndOthersWait() throws {
    let files = try entry("files")
    var table = table(files)
    #expect(table.acquire("files", now: .zero) == .start(files))
    #expect(table.acquire("files", now: .zero) == .wait)
    table.started(files, now: .zero)
    #expect(table.acquire("files", now: .zero) == .use)
    #expect(table.acquire("other", now: .zero) == .unknown)
  }

  @Test func aDisabledServerDoesNotExist() throws {
    var table = table(try entry("off", disabled: true))
    #expect(table.labels == [] && table.acquire("off", now: .zero) == .unknown)
  }

  @Test func itStopsWhenNobodyUsedItForLong() throws {
    let files = try entry("files")
    var table = table(files)
    _ = table.acquire("files", now: .zero)
    table.started(files, now: .zero)
    table.retain("files")
    #expect(table.sweep(now: .seconds(5000)) == [])
    table.release("files", now: .seconds(5000))
    #expect(table.sweep(now: .seconds(5599)) == [])
    #expect(table.sweep(now: .seconds(5600)) == ["files"])
    #expect(table.acquire("files", now: .seconds(5601)) == .start(files))
  }

  @Test func everyDeathMakesTheNextStartWaitLonger() throws {
    let files = try entry("files")
    var table = table(files)
    var now = Duration.zero
    for delay in [1, 2, 4, 8, 16, 32, 60, 60] {
      #expect(table.acquire("files", now: now) == .start(files))
      table.started(files, now: now)
      table.died("files", now: now)
      #expect(table.acquire("files", now: now) == .backOff(seconds: delay))
      now += .seconds(delay)
    }
    #expect(table.acquire("files", now: now) == .start(files))
    table.failedToStart("files", now: now)
    #expect(table.acquire("files", now: now) == .backOff(seconds: 60))
  }

  @Test func aServerThatRanLongHasRecovered() throws {
    let files = try entry("files")
    var table = table(files)
    for start in [0, 1, 3] {
      _ = table.acquire("files", now: .seconds(start))
      table.failedToStart("files", now: .seconds(start))
    }
    #expect(table.acquire("files", now: .seconds(7)) == .start(files))
    table.started(files, now: .seconds(7))
    table.died("files", now: .seconds(100))
    #expect(table.acquire("files", now: .seconds(100)) == .backOff(seconds: 1))
  }

  @Test func aChangedEntryRestartsItWhenIdleAndForgivesIt() throws {
    let (old, new) = (try entry("files", "old"), try entry("files", "new"))
    var table = table(old)
    _ = table.acquire("files", now: .zero)
    table.started(old, now: .zero)
    table.retain("files")
    table.update([new])
    #expect(table.sweep(now: .zero) == [])
    table.release("files", now: .zero)
    #expect(table.sweep(now: .zero) == ["files"])
    #expect(table.acquire("files", now: .zero) == .start(new))
    table.failedToStart("files", now: .zero)
    table.update([old])
    #expect(table.acquire("files", now: .zero) == .start(old))
  }

  @Test func aRemovedServerEndsWithItsLastRequest() throws {
    let files = try entry("files")
    var table = table(files)
    _ = table.acquire("files", now: .zero)
    table.started(files, now: .zero)
    table.retain("files")
    table.update([])
    #expect(table.labels == [] && table.acquire("files", now: .zero) == .unknown)
    table.release("files", now: .zero)
    #expect(table.sweep(now: .zero) == ["files"])
    table.update([files])
    #expect(table.acquire("files", now: .zero) == .start(files))
  }
}
