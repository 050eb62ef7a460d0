import ArgumentParser
import AtelierCore
import Foundation
import NIOCore

package struct ServerCommand: AsyncParsableCommand {
  package static let configuration = CommandConfiguration(
    commandName: "server", abstract: "Ask after the server.", subcommands: [Status.self])

  package init() {}

  package struct Status: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(abstract: "Say whether the server runs, and on which port.")

    @Flag(help: "Print JSON.") var json = false
    @OptionGroup var connection: ConnectionOptions

    package init() {}

    package func run() async throws {
      let known = ServerState.read(from: .standard(environment: ProcessInfo.processInfo.environment))?.port
      let port = connection.port ?? known
      let greeting = try? await ServerClient(connection).get("/lmstudio-greeting", timeout: .seconds(2))
      let isRunning = greeting?["lmstudio"] == true
      if json {
        var object: JSONObject = ["running": .bool(isRunning)]
        if let port = port ?? (isRunning ? 1234 : nil) { object["port"] = .integer(Int64(port)) }
        return Output.json(.object(object))
      }
      print(isRunning ? "The server is running on port \(port ?? 1234)." : "The server is not running.")
      if !isRunning { throw ExitCode.failure }
    }
  }
}
