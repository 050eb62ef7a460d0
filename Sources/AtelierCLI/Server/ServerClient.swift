import AsyncHTTPClient
import AtelierCore
import Foundation
import NIOCore
import NIOHTTP1

/// Speaks to the running server over its native API.
struct ServerClient: Sendable {
  let base: String
  let token: String?

  /// An answer is read up to this size.
  private static let answerLimit = 16 << 20

  init(_ options: ConnectionOptions, environment: [String: String] = ProcessInfo.processInfo.environment) {
    let state = ServerState.read(from: .standard(environment: environment))
    let host = options.host ?? state?.host ?? "127.0.0.1"
    let port = options.port ?? state?.port ?? 1234
    base = "http://\(host.contains(":") ? "[\(host)]" : host):\(port)"
    token = environment["LM_API_TOKEN"] ?? environment["LMSTUDIO_API_TOKEN"]
  }

  func get(_ path: String, timeout: TimeAmount = .seconds(10)) async throws -> JSONValue {
    try await send(HTTPClientRequest(url: base + path), timeout: timeout)
  }

  /// Loading may take minutes, so the time limit is generous.
  func post(_ path: String, _ body: JSONValue, timeout: TimeAmount = .minutes(60)) async throws -> JSONValue {
    var request = HTTPClientRequest(url: base + path)
    request.method = .POST
    request.headers.add(name: "content-type", value: "application/json")
    var bytes: [UInt8] = []
    body.write(into: &bytes)
    request.body = .bytes(bytes)
    return try await send(request, timeout: timeout)
  }

  private func send(_ request: HTTPClientRequest, timeout: TimeAmount) async throws -> JSONValue {
    var request = request
    if let token { request.headers.add(name: "authorization", value: "Bearer \(token)") }
    let response: HTTPClientResponse
    let body: ByteBuffer
    do {
      response = try await HTTPClient.shared.execute(request, timeout: timeout)
      body = try await response.body.collect(upTo: Self.answerLimit)
    } catch {
      throw CommandFailure("No server answers at \(base). Start one with 'atelier serve'.")
    }
    guard let value = try? JSONValue(parsing: body.readableBytesView) else {
      throw CommandFailure("The server at \(base) did not answer in JSON (status \(response.status.code)).")
    }
    guard (200..<300).contains(response.status.code) else {
      throw CommandFailure(value["error"]?["message"]?.stringValue ?? "The server answered \(response.status.code).")
    }
    return value
  }
}

/// Shown to the user as it is; the command exits with status 1.
struct CommandFailure: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }
}
