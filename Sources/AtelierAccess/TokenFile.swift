import AtelierCore
import Foundation

/// The tokens of a data folder as the command line edits them, with or without a running server.
package struct TokenFile: Sendable {
  private let url: URL

  package struct Problem: Error, Sendable, Hashable, CustomStringConvertible {
    package let description: String
  }

  package init(at url: URL) { self.url = url }

  /// No tokens when there is no file yet.
  package func read() throws(Problem) -> TokenBook {
    do throws(PrivateFile.Failure) {
      guard let book = TokenBook(try PrivateFile.read(url).bytes) else { throw PrivateFile.Failure.unreadable }
      return book
    } catch {
      if error == .missing { return TokenBook() }
      throw problem(error)
    }
  }

  /// Changes the file while nobody else does; durable when it returns.
  @discardableResult
  package func update<Value>(_ change: (inout TokenBook) throws -> Value) throws -> Value {
    let lock = try lock()
    defer { close(lock) }
    var book = try read()
    let value = try change(&book)
    do { try PrivateFile.write(book.bytes, to: url) } catch { throw problem(error) }
    return value
  }

  private static let patience = Duration.seconds(10)

  /// The file itself is replaced at every change, so the lock is on a neighbour of it.
  private func lock() throws(Problem) -> Int32 {
    let path = url.path(percentEncoded: false) + ".lock"
    let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw problem(.unwritable) }
    let deadline = ContinuousClock.now + Self.patience
    while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
      guard ContinuousClock.now < deadline else {
        close(descriptor)
        throw Problem(description: "Another command is changing the tokens. Try again.")
      }
      usleep(10_000)
    }
    return descriptor
  }

  private func problem(_ failure: PrivateFile.Failure) -> Problem {
    let name = url.lastPathComponent
    switch failure {
    case .missing, .unreadable:
      return Problem(description: "\(name) in the data folder is no list of tokens that this version can read.")
    case .exposed:
      return Problem(description: "\(name) in the data folder can be changed by other users; make its mode 600.")
    case .unwritable: return Problem(description: "\(name) in the data folder cannot be written.")
    }
  }
}
