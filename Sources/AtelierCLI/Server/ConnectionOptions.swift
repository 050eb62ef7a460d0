import ArgumentParser

/// Which server a command speaks to; by default the one of the data folder.
package struct ConnectionOptions: ParsableArguments {
  @Option(help: "The server's host name or address.")
  package var host: String?

  @Option(help: "The server's port.")
  package var port: Int?

  package init() {}
}
