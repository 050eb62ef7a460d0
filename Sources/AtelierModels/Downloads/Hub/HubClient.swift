import AtelierCore
import AtelierEgress

/// Speaks the Hugging Face Hub's protocol (native.md 10.10): the tree of a repository, its files with ranges, its search.
package struct HubClient: ModelHub {
  private let endpoint: HubEndpoint
  private let egress: Egress
  /// Longest pause within a transfer.
  private let stall: Duration

  private static let mostPages = 20
  private static let mostFiles = 20_000
  private static let listLimit: Int64 = 16 << 20
  private static let listTimeout = Duration.seconds(20)

  package init(_ endpoint: HubEndpoint, egress: Egress, stall: Duration = .seconds(60)) {
    self.endpoint = endpoint
    self.egress = egress
    self.stall = stall
  }

  package var origin: Origin { endpoint.base.origin }

  // MARK: Lists

  package func files(of repository: RepositoryName, revision: String) async throws(AtelierError) -> [HubFile] {
    var found: [HubFile] = []
    var next = endpoint.url("/api/models/\(repository)/tree/\(HubEndpoint.escaped(revision))?recursive=true")
    for _ in 0..<Self.mostPages {
      guard let url = next else { break }
      let (value, link) = try await json(url, repository)
      guard let entries = value.arrayValue else { throw Self.confused() }
      found += entries.compactMap(Self.file)
      next = link.flatMap { Self.nextPage($0, from: url) }
      if found.count > Self.mostFiles { break }
    }
    return found
  }

  static func file(_ entry: JSONValue) -> HubFile? {
    guard entry["type"]?.stringValue == "file", let path = entry["path"]?.stringValue else { return nil }
    let large = entry["lfs"]
    guard let size = large?["size"]?.integerValue ?? entry["size"]?.integerValue, size >= 0 else { return nil }
    let oid = (large?["oid"] ?? large?["sha256"])?.stringValue?.lowercased()
    let isHash = oid.map { $0.utf8.count == 64 && $0.utf8.allSatisfy(Self.isHexadecimal) } ?? false
    return HubFile(path: path, size: Int64(size), sha256: isHash ? oid : nil)
  }

  private static func isHexadecimal(_ byte: UInt8) -> Bool {
    (0x30...0x39).contains(byte) || (0x61...0x66).contains(byte)
  }

  /// The target of `rel="next"` in a Link header (RFC 8288), on the same origin only.
  static func nextPage(_ header: String, from url: WebAddress) -> WebAddress? {
    for link in header.split(separator: ",") {
      let parts = link.split(separator: ";")
      guard let target = parts.first?.drop(while: { $0 == " " }), target.hasPrefix("<"),
        let end = target.firstIndex(of: ">"),
        parts.dropFirst().contains(where: { $0.filter { $0 != " " && $0 != "\"" }.lowercased() == "rel=next" })
      else { continue }
      let next = url.resolving(String(target[target.index(after: target.startIndex)..<end]))
      return next?.origin == url.origin ? next : nil
    }
    return nil
  }

  package func search(_ words: String, limit: Int) async throws(AtelierError) -> [HubModel] {
    let query = HubEndpoint.escaped(String(words.prefix(128)))
    let count = min(max(limit, 1), 100)
    guard let url = endpoint.url("/api/models?search=\(query)&filter=gguf&sort=downloads&direction=-1&limit=\(count)")
    else { throw Self.confused() }
    let (value, _) = try await json(url, nil)
    return (value.arrayValue ?? []).prefix(count).compactMap { entry in
      guard let id = (entry["id"] ?? entry["modelId"])?.stringValue, let repository = RepositoryName(id) else {
        return nil
      }
      return HubModel(
        repository: repository, downloads: entry["downloads"]?.integerValue ?? 0,
        likes: entry["likes"]?.integerValue ?? 0)
    }
  }

  private func json(_ url: WebAddress, _ repository: RepositoryName?) async throws(AtelierError) -> (JSONValue, String?)
  {
    var request = request(.get, url)
    request.totalTimeout = Self.listTimeout
    request.headTimeout = Self.listTimeout
    request.idleTimeout = Self.listTimeout
    request.bodyLimit = Self.listLimit
    request.headers.append(("accept", "application/json"))
    do {
      return try await egress.withResponse(to: request) { response in
        guard response.status == 200 else { throw Self.refusal(response, repository) }
        let limits = JSONLimits(depth: 32, members: 1_000_000)
        guard let value = try? JSONValue(parsing: try await response.collect(), limits: limits) else {
          throw Self.confused()
        }
        return (value, response.header("link"))
      }
    } catch { throw Self.unreachable(error) }
  }

  package func checkAccess(
    to file: HubFile, of repository: RepositoryName, revision: String
  ) async throws(AtelierError) {
    guard let url = fileURL(file, repository, revision) else { throw Self.confused() }
    var request = request(.head, url)
    request.redirects = .refuse
    request.headTimeout = Self.listTimeout
    do {
      try await egress.withResponse(to: request) { response in
        if response.status >= 400 { throw Self.refusal(response, repository) }
      }
    } catch { throw Self.unreachable(error) }
  }

  // MARK: Files

  package func fetch(
    _ file: HubFile, of repository: RepositoryName, revision: String, from offset: Int64, into sink: any TransferSink
  ) async -> FileTransfer.Fault? {
    guard let url = fileURL(file, repository, revision) else { return .fatal(Self.confused()) }
    var request = request(.get, url)
    request.idleTimeout = stall
    if offset > 0 { request.headers.append(("range", "bytes=\(offset)-")) }
    do {
      return try await egress.withResponse(to: request) { response in
        let head: (start: Int64, total: Int64?)
        switch response.status {
        case 200: head = (0, response.header("content-length").flatMap { Int64($0) })
        case 206:
          guard let range = Self.contentRange(response.header("content-range") ?? "") else {
            return .fatal(Self.confused())
          }
          head = range
        case 416: return .rangeRefused
        case 429: return .rateLimited(seconds: response.header("retry-after").flatMap { Int($0) })
        case 500...: return .transient("the hub answered with status \(response.status)")
        default: return .fatal(Self.refusal(response, repository))
        }
        guard await sink.began(at: head.start, total: head.total) else { return nil }
        while let bytes = try await response.next() {
          if bytes.isEmpty { continue }
          guard await sink.took(bytes) else { return nil }
        }
        return nil
      }
    } catch let error as EgressError where error.isTransient {
      return .transient(error.description)
    } catch { return .fatal(Self.unreachable(error)) }
  }

  /// `bytes 100-199/200` gives 100 and 200.
  static func contentRange(_ text: String) -> (start: Int64, total: Int64?)? {
    guard text.lowercased().hasPrefix("bytes ") else { return nil }
    let parts = text.dropFirst(6).split(separator: "/", maxSplits: 1)
    guard parts.count == 2, let start = parts[0].split(separator: "-").first.flatMap({ Int64($0) }), start >= 0 else {
      return nil
    }
    return (start, Int64(parts[1]))
  }

  private func fileURL(_ file: HubFile, _ repository: RepositoryName, _ revision: String) -> WebAddress? {
    let path = HubEndpoint.escaped(file.path, keepsSlashes: true)
    return endpoint.url("/\(repository)/resolve/\(HubEndpoint.escaped(revision))/\(path)")
  }

  private func request(_ method: OutboundRequest.Method, _ url: WebAddress) -> OutboundRequest {
    var request = OutboundRequest(method, url)
    request.trusted = endpoint.base.origin
    request.redirects = .follow
    request.authorization = endpoint.token.map { Secret("Bearer \($0.value)") }
    return request
  }

  // MARK: Errors

  /// The hub says 401 also for repositories that do not exist, and names the reason in a header of its own.
  private static func refusal(_ response: OutboundResponse, _ repository: RepositoryName?) -> AtelierError {
    let name = repository?.description ?? "the hub"
    switch (response.status, response.header("x-error-code")) {
    case (_, "GatedRepo"), (403, _), (401, nil):
      return AtelierError(
        .gatedRepository,
        "Access to \(name) is restricted. Accept its terms on the hub and set HF_TOKEN before the server starts.",
        param: "model")
    case (404, _), (401, _): return notFound(name)
    case (429, _):
      let seconds = response.header("retry-after").flatMap { Int($0) }
      return AtelierError(
        .hubUnreachable, "The hub asks for fewer requests; try again later.", retryAfter: seconds ?? 30)
    default: return AtelierError(.hubUnreachable, "The hub answered with status \(response.status).")
    }
  }

  static func notFound(_ name: String) -> AtelierError {
    AtelierError(.modelNotFound, "The hub has no repository or file \(name).", param: "model")
  }

  private static func confused() -> AtelierError {
    AtelierError(.hubUnreachable, "The hub's answer cannot be understood.")
  }

  private static func unreachable(_ error: any Error) -> AtelierError {
    switch error {
    case let error as AtelierError: error
    case let error as EgressError: AtelierError(.hubUnreachable, "The hub cannot be reached: \(error).")
    default: AtelierError(.hubUnreachable, "The hub cannot be reached.")
    }
  }
}
