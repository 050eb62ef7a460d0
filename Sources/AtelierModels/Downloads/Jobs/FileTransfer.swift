import AtelierCore

/// The transfer of one file as a value: it is told what happens and says what to do next.
package struct FileTransfer: Sendable, Hashable {
  package enum Step: Sendable, Hashable {
    /// Ask the hub for the bytes from here on.
    case request(from: Int64)
    /// Throw the part away, then ask for all of it.
    case restart
    /// Throw the part away and read on: the hub sends the file from its beginning.
    case readFromStart
    case wait(seconds: Double)
    /// All bytes are here: check them.
    case verify
    case stop(AtelierError, discardPart: Bool)
  }

  /// Why an attempt ended without the whole file.
  package enum Fault: Sendable, Hashable {
    /// The connection, the name service, a stall, or a status of 5xx.
    case transient(String)
    case rateLimited(seconds: Int?)
    /// The hub says that the bytes from the offset on do not exist.
    case rangeRefused
    case fatal(AtelierError)
  }

  package let name: String
  package let size: Int64
  /// Bytes in the part file.
  package private(set) var received: Int64
  private let schedule: RetrySchedule
  private var failures = 0
  private var sinceFailure: Int64 = 0
  /// A hub that cannot send ranges, and always breaks off, must not keep this going for ever.
  private var restarts = 0

  package init(name: String, size: Int64, inPart: Int64, schedule: RetrySchedule = RetrySchedule()) {
    self.name = name
    self.size = size
    received = inPart
    self.schedule = schedule
  }

  package mutating func begin() -> Step {
    if received > size {
      received = 0
      return .restart
    }
    return received == size ? .verify : .request(from: received)
  }

  /// The head of an answer. nil: read its body. `start` is where the body begins in the file, `total` the file's whole
  /// size as the answer tells it, if it does.
  package mutating func began(at start: Int64, total: Int64?) -> Step? {
    if let total, total != size { return stop("it has another size than the hub announced") }
    guard start != received else { return nil }
    guard start == 0 else { return stop("the hub answers with another part of the file than was asked for") }
    received = 0
    restarts += 1
    return restarts <= schedule.limit ? .readFromStart : stop("the hub cannot continue a transfer that broke off")
  }

  /// nil: go on.
  package mutating func took(_ count: Int) -> Step? {
    received += Int64(count)
    sinceFailure += Int64(count)
    if sinceFailure >= schedule.progress { failures = 0 }
    return received > size ? stop("the hub sends more bytes than it announced") : nil
  }

  /// The body ended as if it were whole.
  package mutating func ended() -> Step {
    received == size ? .verify : failed(.transient("the hub sent fewer bytes than it announced"))
  }

  package mutating func failed(_ fault: Fault) -> Step {
    failures += 1
    sinceFailure = 0
    switch fault {
    case .fatal(let error): return .stop(error, discardPart: false)
    case .rangeRefused:
      received = 0
      guard failures <= schedule.limit else { return stop("the hub refuses to send the rest of it") }
      return .restart
    case .transient(let reason):
      guard let pause = schedule.pause(before: failures) else { return giveUp(reason) }
      return .wait(seconds: pause)
    case .rateLimited(let seconds):
      guard let pause = schedule.pause(before: failures, asked: seconds) else {
        return giveUp("the hub asks for fewer requests")
      }
      return .wait(seconds: pause)
    }
  }

  /// After a `restart` was carried out, or a wait is over.
  package func next() -> Step { .request(from: received) }

  private func giveUp(_ reason: String) -> Step {
    .stop(
      AtelierError(.hubUnreachable, "\(name) could not be downloaded: \(reason) (tried \(schedule.limit + 1) times)."),
      discardPart: false)
  }

  private func stop(_ reason: String) -> Step {
    .stop(AtelierError(.downloadFailed, "\(name) was refused: \(reason)."), discardPart: true)
  }
}
