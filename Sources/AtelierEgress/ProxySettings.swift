import AtelierCore
import Foundation

/// The proxy variables of the environment: `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, `NO_PROXY`, in either case.
/// Loopback hosts never go through a proxy.
package struct ProxySettings: Sendable, Hashable {
  package struct Proxy: Sendable, Hashable {
    package var host: String
    package var port: Int
    package var isSOCKS: Bool
    package var user: String?
    package var password: Secret?
  }

  private let http: String?
  private let https: String?
  private let exceptions: [String]

  package init(environment: [String: String] = [:]) {
    func variable(_ name: String) -> String? {
      [name.lowercased(), name].lazy.compactMap { environment[$0] }.first { !$0.isEmpty }
    }
    http = variable("HTTP_PROXY") ?? variable("ALL_PROXY")
    https = variable("HTTPS_PROXY") ?? variable("ALL_PROXY")
    exceptions = (variable("NO_PROXY") ?? "").lowercased().split(separator: ",").map {
      $0.trimmingCharacters(in: .whitespaces)
    }.filter { !$0.isEmpty }
  }

  /// nil: connect directly. Throws `badProxy` when the variable's value is no proxy.
  package func proxy(for origin: Origin) throws(EgressError) -> Proxy? {
    guard let text = origin.scheme == .http ? http : https, !isExcepted(origin) else { return nil }
    guard let parts = URLComponents(string: text.contains("://") ? text : "http://" + text),
      let scheme = parts.scheme?.lowercased(), ["http", "socks5", "socks5h"].contains(scheme),
      let host = parts.host, !host.isEmpty
    else { throw .badProxy }
    let isSOCKS = scheme != "http"
    if isSOCKS, parts.user != nil { throw .badProxy }
    return Proxy(
      host: host.trimmingCharacters(in: CharacterSet(charactersIn: "[]")), port: parts.port ?? (isSOCKS ? 1080 : 80),
      isSOCKS: isSOCKS, user: parts.user, password: parts.password.map { Secret($0) })
  }

  private func isExcepted(_ origin: Origin) -> Bool {
    if origin.host == "localhost" || origin.host.hasSuffix(".localhost") || origin.address?.isLoopback == true {
      return true
    }
    return exceptions.contains { entry in
      if entry == "*" { return true }
      var name = entry[...]
      if let endpoint = AddressPolicy.Endpoint(entry) {
        guard endpoint.port == origin.port else { return false }
        name = endpoint.host[...]
      }
      if name.hasPrefix("*") { name = name.dropFirst() }
      if name.hasPrefix(".") { name = name.dropFirst() }
      return origin.host == name || origin.host.hasSuffix("." + name)
    }
  }
}
