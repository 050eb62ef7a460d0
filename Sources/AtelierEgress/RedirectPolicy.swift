/// What to do with an answer that points elsewhere (threat model: downloads, tool servers).
package struct RedirectPolicy: Sendable, Hashable {
  /// Hops that are followed at most; 0: the answer itself is given to the caller.
  package var limit: Int

  package static let follow = RedirectPolicy(limit: 5)
  package static let refuse = RedirectPolicy(limit: 0)

  /// The next address. Each hop must be `https`, or the very origin the operator configured.
  func next(
    from current: WebAddress, location: String?, hops: Int, trusted: Origin?
  ) throws(EgressError) -> WebAddress {
    guard hops < limit else { throw .tooManyRedirects }
    guard let location, let next = current.resolving(location) else { throw .forbiddenRedirect }
    guard next.origin.scheme == .https || next.origin == trusted else { throw .forbiddenRedirect }
    return next
  }

  static func isRedirect(_ status: Int) -> Bool { [301, 302, 303, 307, 308].contains(status) }
}
