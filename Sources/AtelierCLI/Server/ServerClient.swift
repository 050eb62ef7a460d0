import AsyncHTTPClient
import AtelierCore
import Foundation
import NIOCore
import NIOHTTP1
import NIOSSL

/// Speaks to the running server over its native API. Failures are told apart by their exit status: no server, or one that
/// refuses.
struct ServerClient: Sendable {
  let address: ServerAddress
  private let token: Secret?

  /// An answer is read up to this size.
  private static let answerLimit = 64 << 20
  private static let lineLimit = 16 << 20

  /// Lives as long as the process. The library's shared one gives up on answers that pause for 90 s, and a load may.
  private static let http: HTTPClient = {
    var configuration = HTTPClient.Configuration(
      redirectConfiguration: .disallow, timeout: .init(connect: .seconds(10)), decompression: .disabled)
    configuration.httpVersion = .http1Only
    configuration.connectionPool.retryConnectionEstablishment = false
    return HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
  }()

  init(_ options: ConnectionOptions) { self.init(host: options.host, port: options.port) }

  init(
    host: String? = nil, port: Int? = nil, environment: [String: String] = ProcessInfo.processInfo.environment
  ) {
    let state = ServerState.read(from: .standard(environment: environment))
    address = ServerAddress(host: host, port: port, environment: environment, state: state)
    token = Self.token(environment)
  }

  /// Where the API token is read from, the first that is not empty.
  static let tokenVariables = ["ATELIER_API_TOKEN", "LM_API_TOKEN", "LMSTUDIO_API_TOKEN"]

  static func token(_ environment: [String: String]) -> Secret? {
    tokenVariables.lazy.compactMap { environment[$0]?.trimmingCharacters(in: .whitespacesAndNewlines) }
      .first { !$0.isEmpty }.map { Secret($0) }
  }

  // MARK: Requests

  func get(_ path: String, timeout: Duration = .seconds(30)) async throws -> JSONValue {
    try await send(.GET, path, timeout: timeout)
  }

  /// nil where the server has no such path, because it is another one than ours.
  func getIfKnown(_ path: String) async throws -> JSONValue? {
    do { return try await get(path) } catch let failure as CommandFailure where failure.code == "unknown_endpoint" {
      return nil
    }
  }

  /// Loading may take long, so the time limit is generous.
  func post(_ path: String, _ body: JSONValue = [:], timeout: Duration = .seconds(86_400)) async throws -> JSONValue {
    try await send(.POST, path, body: body, timeout: timeout)
  }

  func delete(_ path: String) async throws -> JSONValue { try await send(.DELETE, path, timeout: .seconds(600)) }

  private func send(
    _ method: HTTPMethod, _ path: String, body: JSONValue? = nil, timeout: Duration
  ) async throws -> JSONValue {
    let response = try await execute(method, path, body: body, timeout: timeout)
    return try await Self.value(of: response, at: address)
  }

  private func execute(
    _ method: HTTPMethod, _ path: String, body: JSONValue?, timeout: Duration
  ) async throws -> HTTPClientResponse {
    var request = HTTPClientRequest(url: address.url + path)
    request.method = method
    if address.socket != nil { request.headers.add(name: "host", value: "localhost") }
    if let certificate = address.certificate { request.tlsConfiguration = Self.pinned(certificate) }
    if let token { request.headers.add(name: "authorization", value: "Bearer \(token.value)") }
    if let body {
      request.headers.add(name: "content-type", value: "application/json")
      var bytes: [UInt8] = []
      body.write(into: &bytes)
      request.body = .bytes(bytes)
    }
    do { return try await Self.http.execute(request, timeout: .seconds(timeout.components.seconds)) } catch {
      throw Self.failure(of: error, at: address)
    }
  }

  /// Trusts that certificate and no other, so the name in it does not matter.
  private static func pinned(_ certificate: String) -> TLSConfiguration {
    var configuration = TLSConfiguration.makeClientConfiguration()
    configuration.trustRoots = .file(certificate)
    configuration.certificateVerification = .noHostnameVerification
    return configuration
  }

  private static func value(of response: HTTPClientResponse, at address: ServerAddress) async throws -> JSONValue {
    let body: ByteBuffer
    do { body = try await response.body.collect(upTo: answerLimit) } catch { throw broken(error) }
    let value = try? JSONValue(parsing: body.readableBytesView)
    guard (200..<300).contains(response.status.code) else {
      let error = value?["error"]
      let hint =
        response.status == .unauthorized
        ? " Commands read it from \(tokenVariables[1]); '\(ProgramName.text) token create' makes one." : ""
      throw CommandFailure(
        (error?["message"]?.stringValue ?? error?.stringValue
          ?? "The server answered with status \(response.status.code).") + hint,
        code: error?["code"]?.stringValue)
    }
    guard let value else { throw CommandFailure("What answers at \(address.url) does not speak JSON.") }
    return value
  }

  // MARK: Streams

  /// The `data` of each server-sent event, in order, until the answer ends or `take` says false.
  func events(
    _ path: String, _ body: JSONValue?, _ take: (JSONValue) async throws -> Bool
  ) async throws {
    let response = try await execute(body == nil ? .GET : .POST, path, body: body, timeout: .seconds(86_400))
    guard response.status == .ok else {
      _ = try await Self.value(of: response, at: address)
      return
    }
    var pending: [UInt8] = []
    var pieces = response.body.makeAsyncIterator()
    while true {
      let piece: ByteBuffer?
      do { piece = try await pieces.next() } catch { throw Self.broken(error) }
      guard let piece else { return }
      pending.append(contentsOf: piece.readableBytesView)
      while let end = pending.firstIndex(of: UInt8(ascii: "\n")) {
        let isData = pending.starts(with: "data:".utf8)
        let line = Array(pending[..<end].dropFirst(5))
        pending.removeSubrange(...end)
        guard isData, let value = try? JSONValue(parsing: line) else { continue }
        guard try await take(value) else { return }
      }
      guard pending.count <= Self.lineLimit else { throw CommandFailure("The server's answer has too long a line.") }
    }
  }

  // MARK: Failures

  private static func failure(of error: any Error, at address: ServerAddress) -> any Error {
    if error is CancellationError { return error }
    let slow: [HTTPClientError] = [.deadlineExceeded, .readTimeout]
    if let error = error as? HTTPClientError, slow.contains(error) {
      return CommandFailure("The server at \(address.url) does not answer in time.", status: .noServer)
    }
    if let error = error as? HTTPClientError, error == .cancelled { return CancellationError() }
    return CommandFailure(
      "No server answers at \(address.url). Start one with '\(ProgramName.text) server start'.", status: .noServer)
  }

  private static func broken(_ error: any Error) -> any Error {
    if error is CancellationError || error as? HTTPClientError == .cancelled { return CancellationError() }
    return CommandFailure("The connection to the server broke.", status: .noServer)
  }

  /// One segment of a path: also `/` is escaped.
  static func escaped(_ text: String) -> String {
    var allowed = CharacterSet(charactersIn: "-._~")
    allowed.insert(charactersIn: "a"..."z")
    allowed.insert(charactersIn: "A"..."Z")
    allowed.insert(charactersIn: "0"..."9")
    return text.addingPercentEncoding(withAllowedCharacters: allowed) ?? ""
  }
}
