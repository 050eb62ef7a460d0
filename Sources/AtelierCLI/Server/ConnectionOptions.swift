import ArgumentParser

/// Which server a command speaks to; by default the one of the data folder.
package struct ConnectionOptions: ParsableArguments {
  @Option(help: "The server's host name or address, without scheme and port.")
  package var host: String?

  @Option(help: "The server's port.")
  package var port: Int?

  package init() {}

  package func validate() throws {
    if let host, host.isEmpty || host.contains("/") || host.contains("@") || host.contains(" ") {
      throw ValidationError("--host wants a name or an address, without scheme and port.")
    }
    if let port, !(1...65535).contains(port) { throw ValidationError("--port wants a number from 1 to 65535.") }
  }
}
