import AtelierCore
import AtelierEgress
import Foundation
import Testing

@testable import AtelierModels

struct JobTests {
  // MARK: One file

  @Test func aTransferResumesWhereThePartEnds() {
    var transfer = FileTransfer(name: "f", size: 100, inPart: 40)
    #expect(transfer.begin() == .request(from: 40))
    #expect(transfer.began(at: 40, total: 100) == nil)
    #expect(transfer.took(60) == nil)
    #expect(transfer.ended() == .verify)
    var whole = FileTransfer(name: "f", size: 100, inPart: 100)
    #expect(whole.begin() == .verify)
    var tooLong = FileTransfer(name: "f", size: 100, inPart: 101)
    #expect(tooLong.begin() == .restart)
    #expect(tooLong.next() == .request(from: 0))
  }

  @Test func liesStopIt() {
    func isStop(_ step: FileTransfer.Step?) -> Bool {
      if case .stop(_, discardPart: true) = step { true } else { false }
    }
    var transfer = FileTransfer(name: "f", size: 100, inPart: 40)
    #expect(isStop(transfer.began(at: 40, total: 101)))
    #expect(isStop(transfer.began(at: 50, total: 100)))
    #expect(transfer.took(60) == nil)
    #expect(isStop(transfer.took(1)))
  }

  @Test func aHubWithoutRangesIsReadFromTheStartButNotForEver() {
    var transfer = FileTransfer(name: "f", size: 1 << 20, inPart: 0)
    for _ in 0..<5 {
      _ = transfer.took(100_000)
      #expect(transfer.failed(.transient("cut")) == .wait(seconds: 1))
      #expect(transfer.began(at: 0, total: nil) == .readFromStart)
      #expect(transfer.received == 0)
    }
    _ = transfer.took(100_000)
    guard case .stop = transfer.began(at: 0, total: nil) else { return #expect(Bool(false)) }
  }

  @Test func fiveRetriesWithoutProgressAreTheEnd() {
    var transfer = FileTransfer(name: "f", size: 1 << 20, inPart: 0)
    var waits: [Double] = []
    while case .wait(let seconds) = transfer.failed(.transient("cut")) { waits.append(seconds) }
    #expect(waits == [1, 2, 4, 8, 16])
    var moving = FileTransfer(name: "f", size: 10 << 20, inPart: 0)
    for _ in 0..<50 {
      _ = moving.took(100_000)
      #expect(moving.failed(.transient("cut")) == .wait(seconds: 1))
    }
    var limited = FileTransfer(name: "f", size: 100, inPart: 0)
    #expect(limited.failed(.rateLimited(seconds: 7)) == .wait(seconds: 7))
    #expect(limited.failed(.rateLimited(seconds: 9999)) == .wait(seconds: 60))
  }

  // MARK: Rate

  @Test func theRateIsThatOfTheLastFiveSeconds() {
    var rate = TransferRate()
    rate.begin(at: 0)
    #expect(rate.bytesPerSecond(at: 0) == 0)
    for tick in 1...100 { rate.add(100, at: Double(tick) * 0.1) }
    #expect(abs(rate.bytesPerSecond(at: 10) - 1000) < 30)
    #expect(rate.secondsLeft(for: 5000, at: 10).map { abs($0 - 5) < 0.2 } == true)
    #expect(rate.bytesPerSecond(at: 12.5) < 600)
    #expect(rate.bytesPerSecond(at: 16) == 0)
    #expect(rate.secondsLeft(for: 5000, at: 16) == nil)
  }

  // MARK: Many jobs

  private func file(_ name: String, sha256: String? = nil) -> DownloadFile {
    DownloadFile(path: name, localName: name, size: 10, sha256: sha256)
  }

  private func admit(_ table: inout DownloadTable, _ name: String, _ file: String = "f.gguf") throws -> DownloadJob {
    try table.admit(#require(RepositoryName(name)), revision: "main", files: [self.file(file)], now: 5, id: name + file)
      .job
  }

  @Test func threeRunAtOnceAndNeverTwoOfOneRepository() throws {
    var table = DownloadTable(parallel: 3)
    _ = try admit(&table, "o/a")
    _ = try admit(&table, "o/a", "g.gguf")
    for name in ["o/b", "o/c", "o/d"] { _ = try admit(&table, name) }
    #expect(table.start().map(\.id) == ["o/af.gguf", "o/bf.gguf", "o/cf.gguf"])
    #expect(table.start().isEmpty)
    #expect(try admit(&table, "o/a").id == "o/af.gguf")
    table.update("o/af.gguf") { $0.state = .completed }
    #expect(table.start(exceptIn: [try #require(RepositoryName("o/a"))]).map(\.id) == ["o/df.gguf"])
    table.update("o/bf.gguf") { $0.state = .completed }
    #expect(table.start().map(\.id) == ["o/ag.gguf"])
  }

  @Test func aStoppedJobGoesOnUnderItsIdAndTheQueueIsBounded() throws {
    var table = DownloadTable(parallel: 1)
    let first = try admit(&table, "o/a")
    _ = table.start()
    table.update(first.id) { $0.state = .failed(AtelierError(.downloadFailed, "x")) }
    #expect(try admit(&table, "o/a").id == first.id)
    for number in 1..<32 { _ = try admit(&table, "o/n\(number)") }
    #expect(#expect(throws: AtelierError.self) { try admit(&table, "o/last") }?.code == .serverBusy)
  }

  @Test func pausedJobsAreBoundedToo() throws {
    var table = DownloadTable(parallel: 1)
    for number in 0..<100 {
      let job = try admit(&table, "o/n\(number)")
      table.update(job.id) { $0.state = .paused }
    }
    #expect(#expect(throws: AtelierError.self) { try admit(&table, "o/last") }?.code == .serverBusy)
    // One of them may go on, and one that is gone makes room.
    let paused = try #require(table.jobs.first)
    #expect(try admit(&table, "o/n0").id == paused.id)
    table.remove(paused.id)
    _ = try admit(&table, "o/last")
  }

  @Test func aPartCountsOnlyForTheVeryFile() throws {
    var table = DownloadTable()
    let name = try #require(RepositoryName("o/a"))
    func admit(_ sha256: String?) throws -> Bool {
      try table.admit(name, revision: "main", files: [file("f", sha256: sha256)], now: 0, id: "j").job.files[0]
        .keepsPart
    }
    #expect(try !admit(nil))
    table.update("j") { $0.state = .paused }
    #expect(try admit(nil))
    table.update("j") { $0.state = .paused }
    #expect(try !admit("ab"))
    table.update("j") { $0.state = .paused }
    #expect(try admit("ab"))
  }

  @Test func theJournalKeepsJobsAndRunningOnesComeBackPaused() throws {
    let folder = try ModelsFolder()
    let journal = DownloadJournal(at: folder.url("downloads.json"))
    #expect(journal.load().isEmpty)
    var job = DownloadJob(
      id: "job_0123456789", repository: try #require(RepositoryName("o/a")), revision: "main",
      files: [file("f.gguf", sha256: "ab")], state: .running, startedAt: 7)
    job.bytesOnDisk = 3
    var failed = job
    failed.state = .failed(AtelierError(.insufficientDiskSpace, "full"))
    try journal.save([job, failed])
    let table = DownloadTable(jobs: journal.load())
    #expect(table.jobs.map(\.state) == [.paused, failed.state])
    #expect(table.jobs[0].files == job.files && table.jobs[0].bytesOnDisk == 3)
    try Data("{".utf8).write(to: folder.url("downloads.json"))
    #expect(journal.load().isEmpty)
    #expect(FileManager.default.fileExists(atPath: folder.url("downloads.json.damaged").path))
  }

  // MARK: Protocol

  @Test func thePagesOfAListStayAtTheHub() throws {
    let url = try #require(WebAddress("https://hub.example/api/models/o/r/tree/main?recursive=true"))
    func next(_ header: String) -> String? { HubClient.nextPage(header, from: url)?.description }
    #expect(next(#"<https://hub.example/x?cursor=a%3D>; rel="next""#) == "https://hub.example/x?cursor=a%3D")
    #expect(next(#"</y>; rel="prev", </z>; rel=next"#) == "https://hub.example/z")
    #expect(next(#"<https://evil.example/x>; rel="next""#) == nil)
    #expect(next(#"<https://hub.example/x>"#) == nil)
  }

  @Test func rangesAreRead() throws {
    #expect(try #require(HubClient.contentRange("bytes 5-9/10")) == (5, 10))
    #expect(try #require(HubClient.contentRange("bytes 5-9/*")).total == nil)
    for text in ["", "bytes */10", "items 0-1/2", "bytes x-9/10"] { #expect(HubClient.contentRange(text) == nil) }
  }
}
