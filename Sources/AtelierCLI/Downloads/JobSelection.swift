import ArgumentParser
import AtelierCore

/// Which downloads a command is about.
package struct JobSelection: ParsableArguments {
  @Argument(help: "The downloads' ids.") var ids: [String] = []
  @Flag(name: .shortAndLong, help: "All of them.") var all = false

  package init() {}

  package func validate() throws {
    if all != ids.isEmpty { throw ValidationError("Give the ids of downloads, or --all.") }
  }

  /// Does something to each and says what came of it. `isMeant`: those that `--all` means. Returns their ids.
  @discardableResult
  func apply(
    _ verb: String, _ client: ServerClient, _ output: OutputOptions, isSilent: Bool = false,
    to isMeant: (DownloadJobText) -> Bool, saying text: (DownloadJobText) -> String
  ) async throws -> [String] {
    let ids = all ? try await DownloadsCommand.jobs(client).filter(isMeant).map(\.id) : ids
    var answers: [JSONValue] = []
    for id in ids {
      let answer = try await client.post(
        "/atelier/downloads/\(ServerClient.escaped(id))/\(verb)", timeout: .seconds(60))
      answers.append(answer)
      if !output.json, !isSilent { Output.line(text(DownloadJobText(answer))) }
    }
    if output.json, !isSilent { Output.json(.array(answers)) }
    if ids.isEmpty { output.note("No such downloads.") }
    return ids
  }
}
