/// Why an outbound request got no answer. Descriptions hold no address and no secret.
package enum EgressError: Error, Sendable, Hashable {
  case invalidHeader
  /// The host has no address that may be connected to.
  case forbiddenAddress
  case unresolvable
  case cannotConnect
  /// No certificate, or one that is not the host's.
  case untrusted
  case timedOut
  /// The connection broke after it stood.
  case interrupted
  case tooManyRedirects
  case forbiddenRedirect
  case tooLarge
  /// The proxy variables name something that is no proxy.
  case badProxy

  /// The same request may succeed later.
  package var isTransient: Bool {
    switch self {
    case .unresolvable, .cannotConnect, .timedOut, .interrupted: true
    case .invalidHeader, .forbiddenAddress, .untrusted, .tooManyRedirects, .forbiddenRedirect, .tooLarge, .badProxy:
      false
    }
  }
}

extension EgressError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .invalidHeader: "a header has characters that no header may have"
    case .forbiddenAddress: "the address is not public; the setting egress_allow can list it"
    case .unresolvable: "the host's name has no address"
    case .cannotConnect: "the host cannot be reached"
    case .untrusted: "the host's certificate cannot be trusted"
    case .timedOut: "no answer in time"
    case .interrupted: "the connection broke"
    case .tooManyRedirects: "too many redirects"
    case .forbiddenRedirect: "it redirects to an address that is not allowed"
    case .tooLarge: "the answer is too large"
    case .badProxy: "the proxy variables name no usable proxy"
    }
  }
}
