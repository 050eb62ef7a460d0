import HTTPTypes

/// Finds the handler of a request. HEAD goes to the handler of GET.
struct RouteTable: Sendable {
  enum Match: Sendable {
    /// `rest` is what the `*` stands for, its segments joined by slashes.
    case found(Route, rest: String)
    /// The methods the path has, in the order of the `Allow` header.
    case wrongMethod(allowed: [String])
    case unknownPath

    var readingActs: Bool { if case .found(let route, _) = self { route.access.readingActs } else { false } }
  }

  private var exact: [[String]: [Route]] = [:]
  private var prefixes: [[String]: [Route]] = [:]
  /// Routes with a `*` before the end, by that path.
  private var patterns: [[String]: [Route]] = [:]

  init(_ routes: [Route]) {
    for route in routes {
      var segments = route.path.split(separator: "/").map(String.init)
      if segments.last == "*" {
        segments.removeLast()
        prefixes[segments, default: []].append(route)
      } else if segments.contains("*") {
        patterns[segments, default: []].append(route)
      } else {
        exact[segments, default: []].append(route)
      }
    }
  }

  func match(_ method: HTTPRequest.Method, _ path: RequestPath) -> Match {
    if let routes = exact[path.segments] { return Self.choose(method, routes, rest: "") }
    for (pattern, routes) in patterns where pattern.count == path.segments.count {
      guard zip(pattern, path.segments).allSatisfy({ $0 == "*" || $0 == $1 }) else { continue }
      return Self.choose(method, routes, rest: zip(pattern, path.segments).first { $0.0 == "*" }?.1 ?? "")
    }
    for count in stride(from: path.segments.count - 1, through: 1, by: -1) {
      if let routes = prefixes[Array(path.segments[..<count])] {
        return Self.choose(method, routes, rest: path.segments[count...].joined(separator: "/"))
      }
    }
    return .unknownPath
  }

  private static func choose(_ method: HTTPRequest.Method, _ routes: [Route], rest: String) -> Match {
    let wanted = method == .head ? .get : method
    if let route = routes.first(where: { $0.method == wanted }) { return .found(route, rest: rest) }
    return .wrongMethod(allowed: routes.flatMap { $0.method == .get ? ["GET", "HEAD"] : [$0.method.rawValue] })
  }
}
