import AtelierWorkerProtocol
import Foundation
import Glibc
import Testing

struct FrameChannelTests {
  private func makePair() throws -> (FrameChannel, FrameChannel) {
    let (left, right) = try SocketPair.make()
    return (FrameChannel(descriptor: left, side: .server), FrameChannel(descriptor: right, side: .worker))
  }

  @Test func framesArriveWholeAndInOrder() throws {
    let (server, worker) = try makePair()
    for frame: [UInt8] in [[1], [2, 3], [UInt8](repeating: 9, count: 10_000)] { try server.send(frame) }
    #expect(try worker.receive() == [1])
    #expect(try worker.receive() == [2, 3])
    #expect(try worker.receive() == [UInt8](repeating: 9, count: 10_000))
    server.close()
    #expect(try worker.receive() == nil)
  }

  @Test func framesLargerThanTheSocketBufferPass() throws {
    let (server, worker) = try makePair()
    let frame = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
    let sender = Thread { try? server.send(frame) }
    sender.start()
    #expect(try worker.receive() == frame)
  }

  @Test func sendersDoNotInterleave() throws {
    let (server, worker) = try makePair()
    let threads = (UInt8(1)...4).map { number in
      Thread {
        for length in 1...200 { try? server.send([UInt8](repeating: number, count: length * 50)) }
      }
    }
    for thread in threads { thread.start() }
    var next: [UInt8: Int] = [:]
    for _ in 0..<800 {
      let frame = try #require(try worker.receive())
      next[frame[0], default: 0] += 1
      #expect(frame == [UInt8](repeating: frame[0], count: next[frame[0]]! * 50))
    }
  }

  @Test func closingWakesTheReader() throws {
    let (server, worker) = try makePair()
    let thread = Thread { worker.close() }
    thread.start()
    #expect(try worker.receive() == nil)
    #expect(throws: FrameError.closed) { try server.send([1]) }
  }

  @Test func sendingToNobodyFailsWithoutASignal() throws {
    let (left, right) = try SocketPair.make()
    let channel = FrameChannel(descriptor: left, side: .server)
    Glibc.close(right)
    #expect(throws: FrameError.closed) { try channel.send([1]) }
    #expect(throws: FrameError.closed) { try channel.send([1]) }
  }

  @Test func aPeerThatDoesNotReadIsGivenUp() throws {
    let (left, right) = try SocketPair.make()
    defer { Glibc.close(right) }
    let channel = FrameChannel(descriptor: left, side: .server, sendDeadline: 1)
    #expect(throws: FrameError.timedOut) { try channel.send([UInt8](repeating: 0, count: 8 << 20)) }
    #expect(throws: FrameError.closed) { try channel.send([1]) }
  }

  @Test func oversizedAnnouncementsAreRefusedUnread() throws {
    let (left, right) = try SocketPair.make()
    defer { Glibc.close(right) }
    let channel = FrameChannel(descriptor: left, side: .server)
    let header: [UInt8] = [1, 0, 0, 1]  // 16 MiB + 1
    #expect(write(right, header, 4) == 4)
    #expect(throws: FrameError.tooLarge(bytes: (16 << 20) + 1)) { try channel.receive() }
    #expect(throws: FrameError.closed) { try channel.receive() }
  }

  @Test func aStreamEndingInsideAFrameIsMalformed() throws {
    let (left, right) = try SocketPair.make()
    let channel = FrameChannel(descriptor: left, side: .server)
    let part: [UInt8] = [5, 0, 0, 0, 1, 2]
    #expect(write(right, part, 6) == 6)
    Glibc.close(right)
    #expect(throws: FrameError.malformed("the stream ends inside a frame")) { try channel.receive() }
  }

  @Test func descriptorsAreNotInherited() throws {
    let (left, right) = try SocketPair.make()
    defer {
      Glibc.close(left)
      Glibc.close(right)
    }
    #expect(fcntl(left, F_GETFD) & FD_CLOEXEC != 0)
    #expect(fcntl(right, F_GETFD) & FD_CLOEXEC != 0)
  }
}
