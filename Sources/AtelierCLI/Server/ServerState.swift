import AtelierCore
import Foundation

/// What a running server leaves in `server.json` for command-line clients.
package struct ServerState: Sendable, Hashable {
  /// As a client should address it.
  package var host: String
  package var port: Int
  package var processID: Int32
  /// Path of the Unix socket it listens on, instead of host and port.
  package var socket: String?
  /// The file of its TLS certificate; nil: no TLS.
  package var certificate: String?

  package init(host: String, port: Int, processID: Int32) {
    self.host = host
    self.port = port
    self.processID = processID
  }

  /// Where it listens, for people.
  var place: String { ServerAddress.place(port: port, socket: socket) }

  /// nil where it listens on a socket.
  var networkPort: Int? { socket == nil ? port : nil }

  package func write(to directory: DataDirectory) throws {
    var object: JSONObject = [
      "host": .string(host), "port": .integer(Int64(port)), "pid": .integer(Int64(processID)),
    ]
    if let socket { object["socket"] = .string(socket) }
    if let certificate { object["certificate"] = .string(certificate) }
    try Data(JSONValue.object(object).serialized().utf8).write(to: directory.serverState, options: .atomic)
  }

  /// The last server of this data folder, running or not; nil when there was none.
  package static func read(from directory: DataDirectory) -> ServerState? {
    guard let data = try? Data(contentsOf: directory.serverState), let value = try? JSONValue(parsing: data),
      let port = value["port"]?.integerValue, let pid = value["pid"]?.integerValue.flatMap(Int32.init(exactly:))
    else { return nil }
    var state = ServerState(host: value["host"]?.stringValue ?? "127.0.0.1", port: port, processID: pid)
    state.socket = value["socket"]?.stringValue
    state.certificate = value["certificate"]?.stringValue
    return state
  }
}
