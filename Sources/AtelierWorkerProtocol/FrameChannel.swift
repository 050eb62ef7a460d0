import Glibc
import Synchronization

/// One end of a worker's socket: whole frames out, whole frames in.
///
/// Any thread may send; one thread receives. `close` may come from anywhere and makes both return.
package final class FrameChannel: Sendable {
  /// Which end this is; it decides how large frames may be in each direction.
  package enum Side: Sendable { case server, worker }

  private let descriptor: Int32
  private let sendLimit: Int
  private let receiveLimit: Int
  private let sending = Mutex(false)
  private let receiving: Mutex<ReceiveBuffer>

  /// Takes over the descriptor of a connected stream socket. `sendDeadline`: seconds a send waits at most while the other
  /// side takes no bytes.
  package init(descriptor: Int32, side: Side, sendDeadline: Int = 30) {
    self.descriptor = descriptor
    sendLimit = side == .server ? WorkerProtocol.maxCommandBytes : WorkerProtocol.maxReportBytes
    receiveLimit = side == .server ? WorkerProtocol.maxReportBytes : WorkerProtocol.maxCommandBytes
    receiving = Mutex(ReceiveBuffer())
    var timeout = timeval(tv_sec: sendDeadline, tv_usec: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
    let flags = fcntl(descriptor, F_GETFD)
    if flags >= 0 { _ = fcntl(descriptor, F_SETFD, flags | FD_CLOEXEC) }
  }

  deinit { Glibc.close(descriptor) }

  /// Ends both directions: a blocked `receive` returns nil, a blocked `send` throws. The descriptor itself lives as long as
  /// this object, so its number cannot be reused under another thread's feet.
  package func close() { shutdown(descriptor, Int32(SHUT_RDWR)) }

  /// Writes one frame (type and payload). Blocks while the socket is full. After an error the channel is closed, because
  /// half a frame may be out.
  package func send(_ frame: [UInt8]) throws(FrameError) {
    guard !frame.isEmpty, frame.count <= sendLimit else { throw .tooLarge(bytes: frame.count) }
    let failure: FrameError? = sending.withLock { broken in
      if broken { return .closed }
      let failure = write(frame)
      broken = failure != nil
      return failure
    }
    if let failure {
      close()
      throw failure
    }
  }

  /// The next frame (type and payload), or nil when the other side is gone. Blocks without a deadline: `close` ends it.
  package func receive() throws(FrameError) -> [UInt8]? {
    try receiving.withLock { buffer throws(FrameError) in
      try buffer.next(limit: receiveLimit, from: descriptor)
    }
  }

  private func write(_ frame: [UInt8]) -> FrameError? {
    var header = UInt32(frame.count).littleEndian
    return withUnsafeMutableBytes(of: &header) { head in
      frame.withUnsafeBytes { body in
        let total = head.count + body.count
        var sent = 0
        while sent < total {
          var parts: (iovec, iovec) = (
            iovec(iov_base: head.baseAddress, iov_len: head.count),
            iovec(iov_base: UnsafeMutableRawPointer(mutating: body.baseAddress), iov_len: body.count)
          )
          if sent < head.count {
            parts.0.iov_base += sent
            parts.0.iov_len -= sent
          } else {
            parts.0.iov_len = 0
            parts.1.iov_base += sent - head.count
            parts.1.iov_len -= sent - head.count
          }
          let count = withUnsafeMutableBytes(of: &parts) { parts in
            var message = msghdr()
            message.msg_iov = parts.assumingMemoryBound(to: iovec.self).baseAddress
            message.msg_iovlen = 2
            return sendmsg(descriptor, &message, Int32(MSG_NOSIGNAL))
          }
          if count > 0 {
            sent += count
          } else if count == 0 || errno == EPIPE || errno == ECONNRESET {
            return .closed
          } else if errno == EAGAIN {
            return .timedOut
          } else if errno != EINTR {
            return .system(errno)
          }
        }
        return nil
      }
    }
  }
}

/// Bytes read ahead of the frame being assembled, so that small frames cost one system call or less.
private struct ReceiveBuffer {
  private static let chunk = 64 << 10
  private var bytes = [UInt8](repeating: 0, count: chunk)
  private var start = 0
  private var end = 0
  private var failed = false

  mutating func next(limit: Int, from descriptor: Int32) throws(FrameError) -> [UInt8]? {
    if failed { throw .closed }
    var header: [UInt8] = []
    do throws(FrameError) {
      guard try read(4, into: &header, from: descriptor) else {
        if header.isEmpty { return nil }
        throw .malformed("the stream ends inside a frame")
      }
      let length = Int(header[0]) | Int(header[1]) << 8 | Int(header[2]) << 16 | Int(header[3]) << 24
      guard length > 0 else { throw .malformed("an empty frame") }
      guard length <= limit else { throw .tooLarge(bytes: length) }
      var frame: [UInt8] = []
      // Memory follows the bytes that arrive, not the announcement.
      frame.reserveCapacity(min(length, Self.chunk))
      guard try read(length, into: &frame, from: descriptor) else {
        throw .malformed("the stream ends inside a frame")
      }
      return frame
    } catch {
      failed = true
      throw error
    }
  }

  /// Appends exactly `count` bytes; false if the stream ends before.
  private mutating func read(
    _ count: Int, into target: inout [UInt8], from descriptor: Int32
  ) throws(FrameError) -> Bool {
    var missing = count
    while missing > 0 {
      if start == end, try !fill(from: descriptor) { return false }
      let taken = min(missing, end - start)
      target.append(contentsOf: bytes[start..<start + taken])
      start += taken
      missing -= taken
    }
    return true
  }

  private mutating func fill(from descriptor: Int32) throws(FrameError) -> Bool {
    while true {
      // A thread that waits in recv on a Unix socket is woken whenever the other side takes what this side has sent, once for
      // every token; one that waits in poll is not.
      var ready = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
      if poll(&ready, 1, -1) < 0, errno != EINTR { throw .system(errno) }
      let count = bytes.withUnsafeMutableBytes { recv(descriptor, $0.baseAddress, $0.count, 0) }
      if count > 0 {
        start = 0
        end = count
        return true
      }
      if count == 0 || errno == ECONNRESET { return false }
      if errno != EINTR { throw .system(errno) }
    }
  }
}
