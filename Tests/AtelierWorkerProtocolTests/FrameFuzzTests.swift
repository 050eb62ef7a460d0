import AtelierCore
import AtelierTesting
import AtelierWorkerProtocol
import Foundation
import Glibc
import Testing

/// Damaged frames, from either side: each is read as something that can be said again, or refused. A worker that was taken
/// over says what it likes. With `ATELIER_UPDATE_CORPUS=1` the samples are written as seeds anew.
struct FrameFuzzTests {
  init() throws {
    guard ProcessInfo.processInfo.environment["ATELIER_UPDATE_CORPUS"] == "1" else { return }
    let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Corpus")
    for (name, frames) in [
      ("commands", try Samples.commands.map { try $0.encoded() }),
      ("reports", try Samples.reports.map { try $0.encoded() }),
    ] {
      let seeds = folder.appending(path: name)
      try FileManager.default.createDirectory(at: seeds, withIntermediateDirectories: true)
      for (number, frame) in frames.enumerated() {
        try Data(frame).write(to: seeds.appending(path: "sample-\(number)"))
      }
    }
  }

  @Test func damagedReportsAreReadOrRefused() throws {
    let fuzzer = try Fuzzer(corpus: "reports")
    #expect(fuzzer.seeds.count >= Samples.reports.count)
    try fuzzer.run { frame, _ in
      do throws(FrameError) {
        let report = try WorkerReport(frame: frame)
        guard let again = try? report.encoded() else { return }
        let second = try WorkerReport(frame: again)
        // Not a number is not itself, but has the same bytes.
        #expect(second == report || (try? second.encoded()) == again)
      } catch {
        guard case .malformed = error else { throw error }
      }
    }
  }

  @Test func damagedCommandsAreReadOrRefused() throws {
    let fuzzer = try Fuzzer(corpus: "commands")
    #expect(fuzzer.seeds.count >= Samples.commands.count)
    try fuzzer.run { frame, _ in
      do throws(FrameError) {
        let command = try WorkerCommand(frame: frame)
        #expect(try WorkerCommand(frame: command.encoded()) == command)
      } catch {
        guard case .malformed = error else { throw error }
      }
    }
  }

  /// Bytes that come as they like: whole frames until something is wrong, and then nothing more.
  @Test func damagedStreamsEnd() throws {
    try Fuzzer(corpus: "reports").run { bytes, random in
      let ends = try SocketPair.make()
      let channel = FrameChannel(descriptor: ends.0, side: .server)
      var stream: [UInt8] = []
      for _ in 0..<3 {
        let length =
          Bool.random(using: &random) ? UInt32(bytes.count) : UInt32.random(in: 0...UInt32.max, using: &random)
        withUnsafeBytes(of: length.littleEndian) { stream.append(contentsOf: $0) }
        stream += bytes
      }
      // What a socket takes without a reader.
      let sent = stream.prefix(60_000).withUnsafeBytes { write(ends.1, $0.baseAddress, $0.count) }
      #expect(sent > 0)
      close(ends.1)
      var frames = 0
      do throws(FrameError) {
        while let frame = try channel.receive() {
          #expect(!frame.isEmpty && frame.count <= stream.count)
          frames += 1
        }
      } catch {
        #expect(throws: FrameError.closed) { try channel.receive() }
      }
      #expect(frames <= stream.count / 5)
    }
  }
}
