/// Which stored turns somebody may see.
package enum ChatScope: Sendable, Hashable {
  case all
  /// Those made with that API token; nil: those made while authentication was off.
  case owned(by: String?)
}
