import ArgumentParser
import AtelierCore

package struct RuntimeCommand: AsyncParsableCommand {
  package static let configuration = CommandConfiguration(
    commandName: "runtime", abstract: "The engine builds.", subcommands: [List.self])

  package init() {}

  package struct List: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(commandName: "ls", abstract: "List the engine builds.")

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions

    package init() {}

    package func run() async throws {
      let answer = try await ServerClient(connection).get("/atelier/runtimes")
      let runtimes = answer["runtimes"]?.arrayValue ?? []
      if output.json { return Output.json(.array(runtimes)) }
      Output.table(
        TextTable(
          ["RUNTIME", "VERSION", "FORMATS", ""],
          runtimes.map { runtime in
            let formats = runtime["supported_formats"]?.arrayValue?.compactMap(\.stringValue) ?? []
            return [
              runtime["name"]?.stringValue ?? "", runtime["version"]?.stringValue ?? "",
              formats.joined(separator: ", "), runtime["selected"] == true ? "selected" : "",
            ]
          }))
    }
  }
}
