import AtelierCore
import Foundation
import Synchronization

/// The tokens as a server asks for them. What the command line changes counts at the next request: every question looks
/// whether the file is another one. Where the file is missing or cannot be read, no token is known.
package final class TokenStore: Sendable {
  package enum Verdict: Sendable, Hashable {
    case valid(TokenRecord)
    case expired
    case unknown
  }

  private struct State {
    var stamp: PrivateFile.Stamp?
    var isFirst = true
    var records: [String: TokenRecord] = [:]
  }

  private let url: URL
  private let use: TokenUse
  private let onProblem: @Sendable (String) -> Void
  private let state = Mutex(State())
  /// Compared where no record has the id, so that the answer takes as long.
  private let decoy = TokenRecord(.generate(), name: "", permissions: .nothing, createdAt: 0, expiresAt: nil)

  /// `onProblem` is told once of each state of the file that cannot be read.
  package init(at url: URL, use: TokenUse, onProblem: @escaping @Sendable (String) -> Void = { _ in }) {
    self.url = url
    self.use = use
    self.onProblem = onProblem
  }

  package func verdict(on token: APIToken, now: Int64 = TokenTime.now) -> Verdict {
    let records = current()
    let record = records[token.id]
    let matches = (record ?? decoy).matches(token.secret)
    guard let record, matches else { return .unknown }
    if record.isExpired(at: now) { return .expired }
    use.note(record.id, at: now, known: records.keys)
    return .valid(record)
  }

  private func current() -> [String: TokenRecord] {
    let (records, failure) = state.withLock { state -> ([String: TokenRecord], PrivateFile.Failure?) in
      let stamp = PrivateFile.Stamp(of: url)
      if stamp == state.stamp, !state.isFirst { return (state.records, nil) }
      state.isFirst = false
      state.records = [:]
      // Before reading: what is written meanwhile has another stamp and is read next time.
      state.stamp = stamp
      do throws(PrivateFile.Failure) {
        let bytes = try PrivateFile.read(url).bytes
        guard let book = TokenBook(bytes) else { throw PrivateFile.Failure.unreadable }
        state.records = Dictionary(book.records.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
        return (state.records, nil)
      } catch {
        return (state.records, error)
      }
    }
    if let failure { onProblem(Self.text(failure)) }
    return records
  }

  private static func text(_ failure: PrivateFile.Failure) -> String {
    switch failure {
    case .missing: "There are no API tokens; 'atelier token create' makes one. Until then every request is refused."
    case .exposed: "The API tokens can be changed by other users, so no token is accepted. Make the file's mode 600."
    case .unreadable, .unwritable: "The API tokens cannot be read, so no token is accepted."
    }
  }
}
