import AtelierCore
import Foundation

/// Carries out one job: its files one after the other.
struct DownloadRun: Sendable {
  let job: DownloadJob
  let hub: any ModelHub
  let folder: URL
  let meter: DownloadMeter
  let schedule: RetrySchedule
  let calls: FileCalls
  /// Bytes to leave free.
  let keepFree: Int64
  /// Bytes free on the file system of a folder; nil: not known.
  let freeSpace: @Sendable (URL) -> Int64?
  /// Whether a file that has the final name already may be replaced.
  let mayReplace: @Sendable (DownloadFile) async -> Bool
  let finished: @Sendable (DownloadFile) async -> Void

  /// Throws what the job failed with; returns normally, with files left, when the task was cancelled.
  func run() async throws(AtelierError) {
    for file in job.files where file.isDone { meter.finishedFile(file.size) }
    try checkSpace()
    for file in job.files where !file.isDone {
      guard try await fetch(file) else { return }
      meter.finishedFile(file.size)
      await finished(file)
    }
  }

  private func checkSpace() throws(AtelierError) {
    let missing = job.files.filter { !$0.isDone }
    let present = missing.map { file in
      let part = folder.appending(path: file.localName + ".part").path(percentEncoded: false)
      return min(FileStamp(path: part)?.size ?? 0, file.size)
    }
    let needed = missing.map(\.size).saturatingSum - present.saturatingSum
    guard let free = freeSpace(folder), free - keepFree < needed else { return }
    throw AtelierError(
      .insufficientDiskSpace,
      "The download needs \(needed) bytes, but only \(max(0, free - keepFree)) are free beside the reserve.")
  }

  /// False when the task was cancelled.
  private func fetch(_ file: DownloadFile) async throws(AtelierError) -> Bool {
    let part = PartFile(file, in: folder, calls: calls)
    var transfer = FileTransfer(
      name: file.localName, size: file.size, inPart: try await part.open(keepsContent: file.keepsPart),
      schedule: schedule)
    meter.setCurrent(transfer.received)
    var step = transfer.begin()
    while !Task.isCancelled {
      switch step {
      case .request(let offset):
        let sink = PartSink(transfer, part, meter)
        let fault = await hub.fetch(
          file.hubFile, of: job.repository, revision: job.revision, from: offset, into: sink)
        transfer = sink.transfer
        if Task.isCancelled { return false }
        if let fault { step = transfer.failed(fault) } else { step = sink.decided ?? transfer.ended() }
      case .restart, .readFromStart:
        try await part.reset()
        meter.setCurrent(0)
        step = transfer.next()
      case .wait(let seconds):
        do { try await Task.sleep(for: .seconds(seconds)) } catch { return false }
        step = transfer.next()
      case .verify:
        try await part.finish(mayReplace: await mayReplace(file))
        return true
      case .stop(let error, let discardPart):
        if discardPart { await part.discard() }
        throw error
      }
    }
    return false
  }
}

/// Puts one answer's bytes into the part file and tells the transfer.
private final class PartSink: TransferSink {
  private(set) var transfer: FileTransfer
  /// What the transfer said when it had enough.
  private(set) var decided: FileTransfer.Step?
  private let part: PartFile
  private let meter: DownloadMeter

  init(_ transfer: FileTransfer, _ part: PartFile, _ meter: DownloadMeter) {
    self.transfer = transfer
    self.part = part
    self.meter = meter
  }

  func began(at start: Int64, total: Int64?) async -> Bool {
    switch transfer.began(at: start, total: total) {
    case nil: return true
    case .readFromStart:
      do { try await part.reset() } catch { return stop(error) }
      meter.setCurrent(0)
      return true
    case let step?:
      decided = step
      return false
    }
  }

  func took(_ bytes: [UInt8]) async -> Bool {
    if let step = transfer.took(bytes.count) {
      decided = step
      return false
    }
    do { try await part.append(bytes) } catch { return stop(error) }
    meter.took(bytes.count)
    return !Task.isCancelled
  }

  private func stop(_ error: AtelierError) -> Bool {
    decided = .stop(error, discardPart: false)
    return false
  }
}
