import ArgumentParser
import AtelierCore

package struct DownloadsCommand: AsyncParsableCommand {
  package static let configuration = CommandConfiguration(
    commandName: "downloads", abstract: "Show, pause, resume and cancel downloads.",
    subcommands: [List.self, Pause.self, Resume.self, Cancel.self], defaultSubcommand: List.self)

  package init() {}

  package struct List: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
      abstract: "List the downloads that are not completed, the newest first.")

    @Flag(name: .shortAndLong, help: "Completed ones too.") var all = false
    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions

    package init() {}

    package func run() async throws {
      let jobs = try await DownloadsCommand.jobs(ServerClient(connection)).filter { all || $0.status != "completed" }
      if output.json { return Output.json(.array(jobs.map(\.job))) }
      if jobs.isEmpty { return output.note("No downloads.") }
      Output.table(DownloadJobText.table(jobs))
      for job in jobs where job.status == "failed" {
        output.note("\(job.id): \(HumanText.plain(job.job["error"]?["message"]?.stringValue ?? "failed"))")
      }
    }
  }

  package struct Pause: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(abstract: "Stop downloads and keep what they have.")

    @OptionGroup var selection: JobSelection
    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions

    package init() {}

    package func run() async throws {
      try await selection.apply("pause", ServerClient(connection), output, to: { $0.isOpen }) { job in
        job.status == "paused" ? "Paused \(job.id) at \(Int(job.fraction * 100)) %." : "\(job.id) is \(job.status)."
      }
    }
  }

  package struct Resume: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
      abstract: "Go on with downloads that were paused or failed.")

    @OptionGroup var selection: JobSelection
    @Flag(name: .shortAndLong, help: "Wait for the end, with a progress bar.") var follow = false
    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions

    package init() {}

    package func run() async throws {
      let client = ServerClient(connection)
      let ids = try await selection.apply(
        "resume", client, output, isSilent: follow, to: { $0.status == "paused" || $0.status == "failed" }
      ) { job in job.isOpen ? "Resumed \(job.id)." : "\(job.id) is \(job.status)." }
      guard follow else { return }
      for id in ids {
        let job = try await DownloadFollower(client: client, isShown: !output.json && !output.quiet).follow(id)
        if output.json { Output.json(job) } else { Output.line(job["model_key"]?.stringValue ?? id) }
      }
    }
  }

  package struct Cancel: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
      abstract: "End downloads and remove what an incomplete one fetched.")

    @OptionGroup var selection: JobSelection
    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions

    package init() {}

    package func run() async throws {
      try await selection.apply(
        "cancel", ServerClient(connection), output, to: { $0.status != "completed" }
      ) { "Cancelled \($0.id)." }
    }
  }

  static func jobs(_ client: ServerClient) async throws -> [DownloadJobText] {
    (try await client.get("/atelier/downloads")["jobs"]?.arrayValue ?? []).map(DownloadJobText.init)
  }
}
