import AtelierCore
import Foundation

/// Whether a server runs, and where.
struct ServerStatus: Sendable, Hashable {
  var isRunning: Bool
  /// nil when there was never one.
  var address: ServerAddress?
  /// Of a server of this data folder.
  var process: ServerProcess?

  /// The server that the options name is asked; without them the data folder's lock counts too.
  static func ask(_ options: ConnectionOptions) async -> ServerStatus {
    let environment = ProcessInfo.processInfo.environment
    let directory = DataDirectory.standard(environment: environment)
    let client = ServerClient(options)
    let greeting = try? await client.get("/lmstudio-greeting", timeout: .seconds(2))
    let isRunning = greeting?["lmstudio"] == true
    let state = ServerState.read(from: directory)
    let isOwn = options.host == nil && (options.port == nil || options.port == state?.port)
    let isKnown = isRunning || state != nil || options.port != nil
    return ServerStatus(
      isRunning: isRunning, address: isKnown ? client.address : nil,
      process: isOwn ? ServerProcess.running(in: directory) : nil)
  }

  var json: JSONValue {
    var object: JSONObject = ["running": .bool(isRunning)]
    if let address { object["port"] = address.socket == nil ? .integer(Int64(address.port)) : .null }
    return .object(object)
  }
}
