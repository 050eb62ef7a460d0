import AtelierCore

/// Watches a download until it ends, with a progress bar; Ctrl-C pauses it.
struct DownloadFollower: Sendable {
  let client: ServerClient
  let isShown: Bool

  /// The job as it ended, completed. Throws when it failed, was paused or cancelled by somebody else, or was paused by
  /// Ctrl-C.
  func follow(_ id: String) async throws -> JSONValue {
    let ended = try await Interruption.watch { try await watch(id) }
    guard let ended else { throw await pause(id) }
    let text = DownloadJobText(ended)
    switch text.status {
    case "completed": return ended
    case "paused":
      throw CommandFailure("The download was paused. Go on with: \(ProgramName.text) downloads resume \(id)")
    default:
      let reason = ended["error"]?["message"]?.stringValue ?? "The download failed."
      throw CommandFailure(
        "\(reason)\nWhat is here is kept. Try again with: \(ProgramName.text) downloads resume \(id)",
        code: ended["error"]?["code"]?.stringValue)
    }
  }

  private func watch(_ id: String) async throws -> JSONValue {
    let display = ProgressDisplay(isShown: isShown)
    defer { display.clear() }
    while true {
      let job: JSONValue
      do { job = try await client.get("/atelier/downloads/\(id)") } catch let failure as CommandFailure
        where failure.code == "job_not_found"
      { throw CommandFailure("The download was cancelled.") }
      let text = DownloadJobText(job)
      guard text.isOpen else { return job }
      display.show(text.progressLine)
      try await Task.sleep(for: .milliseconds(250))
    }
  }

  private func pause(_ id: String) async -> CommandFailure {
    let job = try? await client.post("/atelier/downloads/\(id)/pause", timeout: .seconds(30))
    let share = job.map { " at \(Int(DownloadJobText($0).fraction * 100)) %" } ?? ""
    return CommandFailure(
      "Paused\(share). Go on with: \(ProgramName.text) downloads resume \(id)", status: .interrupted)
  }
}
