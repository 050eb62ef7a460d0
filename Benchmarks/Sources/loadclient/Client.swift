import Glibc

/// Carries a plan out on one thread: non-blocking sockets and poll, so that sixteen streams cost one small share of a core.
struct Client {
  private enum Phase { case waiting(until: Double), sending(Int), receiving, ended }

  /// One running chain.
  private struct Run {
    let index: Int
    let chain: Plan.Chain
    var next = 0
    var socket: Int32 = -1
    var phase: Phase
    var bytes: [UInt8] = []
    /// The request under way; meaningless while waiting.
    var outcome = Outcome(id: "", chain: 0, sent: 0)
    var answers: [[UInt8]] = []
    var isReused = false
  }

  let plan: Plan
  private(set) var outcomes: [Outcome] = []
  let origin = now()
  private var runs: [Run] = []
  private var nextChain = 0
  private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 16)

  init(plan: Plan) { self.plan = plan }

  /// Returns when every chain has ended or the deadline has passed.
  mutating func run() {
    let deadline = origin + plan.deadline
    var sockets: [pollfd] = []
    while true {
      startChains()
      let time = now()
      var wake = deadline
      for index in runs.indices {
        if case .waiting(let until) = runs[index].phase {
          if until <= time { open(index) } else { wake = min(wake, until) }
        }
      }
      runs.removeAll { if case .ended = $0.phase { true } else { false } }
      if runs.isEmpty && nextChain == plan.chains.count { break }
      guard time < deadline else { return giveUp() }
      if runs.contains(where: { if case .waiting(let until) = $0.phase { until <= time } else { false } }) { continue }
      if canStartMore { wake = min(wake, origin + plan.chains[nextChain].start) }
      let milliseconds = max(0, ((wake - now()) * 1000).rounded(.up))
      sockets.removeAll(keepingCapacity: true)
      for run in runs {
        switch run.phase {
        case .sending: sockets.append(pollfd(fd: run.socket, events: Int16(POLLOUT), revents: 0))
        case .receiving: sockets.append(pollfd(fd: run.socket, events: Int16(POLLIN), revents: 0))
        case .waiting, .ended: sockets.append(pollfd(fd: -1, events: 0, revents: 0))
        }
      }
      guard poll(&sockets, nfds_t(sockets.count), Int32(min(milliseconds, 60_000))) > 0 else { continue }
      let arrival = now()
      for index in sockets.indices where sockets[index].revents != 0 {
        if case .sending = runs[index].phase { send(index) } else { receive(index, arrival) }
      }
    }
  }

  private var canStartMore: Bool {
    nextChain < plan.chains.count && (plan.concurrency == 0 || runs.count < plan.concurrency)
  }

  private mutating func startChains() {
    while canStartMore, origin + plan.chains[nextChain].start <= now() {
      let chain = plan.chains[nextChain]
      if !chain.requests.isEmpty {
        runs.append(Run(index: nextChain, chain: chain, phase: .waiting(until: now() + (chain.requests[0].pause ?? 0))))
      }
      nextChain += 1
    }
  }

  /// Begins the chain's next request on a new connection or the kept one.
  private mutating func open(_ index: Int) {
    let request = runs[index].chain.requests[runs[index].next]
    runs[index].bytes = encode(request, answers: runs[index].answers)
    runs[index].outcome = Outcome(id: request.id, chain: runs[index].index, sent: now())
    runs[index].isReused = runs[index].socket >= 0
    runs[index].phase = .sending(0)
    if !runs[index].isReused { connectSocket(index) }
    send(index)
  }

  private mutating func connectSocket(_ index: Int) {
    let socket = Glibc.socket(
      AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    runs[index].socket = socket
    var on: Int32 = 1
    setsockopt(socket, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = plan.port.bigEndian
    inet_pton(AF_INET, plan.host, &address.sin_addr)
    _ = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
  }

  private func encode(_ request: Plan.Request, answers: [[UInt8]]) -> [UInt8] {
    var body = Array(request.body.utf8)
    for (number, answer) in answers.enumerated() {
      let mark = Array("@@ANSWER:\(number)@@".utf8)
      if let start = body.indices.first(where: { body[$0...].starts(with: mark) }) {
        body.replaceSubrange(start..<start + mark.count, with: answer)
      }
    }
    let head = """
      POST \(request.path) HTTP/1.1\r
      Host: \(plan.host):\(plan.port)\r
      Content-Type: application/json\r
      Accept: */*\r
      Connection: \(plan.keepAlive ? "keep-alive" : "close")\r
      Content-Length: \(body.count)\r
      \r

      """
    return Array(head.utf8) + body
  }

  private mutating func send(_ index: Int) {
    guard case .sending(var sent) = runs[index].phase else { return }
    let socket = runs[index].socket
    while sent < runs[index].bytes.count {
      let count = runs[index].bytes.withUnsafeBytes { bytes in
        Glibc.send(socket, bytes.baseAddress?.advanced(by: sent), bytes.count - sent, Int32(MSG_NOSIGNAL))
      }
      if count < 0 {
        // ENOTCONN is a connection still being made: its completion wakes the loop.
        if errno != EAGAIN && errno != ENOTCONN && errno != EINTR { return fail(index, "send: \(errno)") }
        break
      }
      sent += count
    }
    runs[index].phase = sent == runs[index].bytes.count ? .receiving : .sending(sent)
  }

  private mutating func receive(_ index: Int, _ time: Double) {
    let socket = runs[index].socket
    while true {
      let count = recv(socket, buffer.baseAddress, buffer.count, 0)
      if count < 0 {
        if errno == EAGAIN || errno == EINTR { return }
        return fail(index, "receive: \(errno)")
      }
      if count == 0 {
        guard runs[index].outcome.response.close() else { return fail(index, "closed by the server") }
        return finish(index, time)
      }
      let bytes = UnsafeRawBufferPointer(rebasing: buffer[..<count])
      guard runs[index].outcome.response.feed(bytes, at: time) else { return fail(index, "no proper HTTP") }
      if runs[index].outcome.response.isDone { return finish(index, time) }
      if count < buffer.count { return }  // read empty; poll tells when there is more
    }
  }

  private mutating func finish(_ index: Int, _ time: Double) {
    var outcome = runs[index].outcome
    outcome.end = time
    outcomes.append(outcome)
    if runs[index].chain.requests.count > 1 { runs[index].answers.append(outcome.escapedAnswer()) }
    if !plan.keepAlive || !outcome.response.keepsAlive { closeSocket(index) }
    advance(index)
  }

  private mutating func fail(_ index: Int, _ reason: String) {
    var outcome = runs[index].outcome
    closeSocket(index)
    // A kept connection may have been closed before this request reached the server: once more on a new one.
    if runs[index].isReused && outcome.response.isUntouched {
      runs[index].phase = .waiting(until: now())
      return
    }
    outcome.end = now()
    outcome.failure = reason
    outcomes.append(outcome)
    runs[index].answers.append([])
    advance(index)
  }

  private mutating func advance(_ index: Int) {
    runs[index].next += 1
    if runs[index].next < runs[index].chain.requests.count {
      runs[index].phase = .waiting(until: now() + (runs[index].chain.requests[runs[index].next].pause ?? 0))
    } else {
      closeSocket(index)
      runs[index].phase = .ended
    }
  }

  private mutating func closeSocket(_ index: Int) {
    if runs[index].socket >= 0 { close(runs[index].socket) }
    runs[index].socket = -1
  }

  private mutating func giveUp() {
    for index in runs.indices {
      switch runs[index].phase {
      case .sending, .receiving:
        var outcome = runs[index].outcome
        outcome.end = now()
        outcome.failure = "deadline"
        outcomes.append(outcome)
      case .waiting, .ended: break
      }
      closeSocket(index)
    }
  }
}
