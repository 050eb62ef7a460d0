import AtelierCore

/// A job of `GET /atelier/downloads` in words, lines and rows.
struct DownloadJobText: Sendable {
  let job: JSONValue

  init(_ job: JSONValue) { self.job = job }

  var id: String { job["job_id"]?.stringValue ?? "" }
  var status: String { job["status"]?.stringValue ?? "" }
  var isOpen: Bool { status == "downloading" }
  var total: Int { job["total_size_bytes"]?.integerValue ?? 0 }
  var done: Int { job["downloaded_bytes"]?.integerValue ?? 0 }
  var fraction: Double { total > 0 ? Double(done) / Double(total) : 0 }
  private var rate: Double { job["bytes_per_second"]?.doubleValue ?? 0 }

  /// The repository's own name and the quantization: `Qwen3-4B Q4_K_M`.
  var name: String {
    var name = job["model"]?.stringValue?.split(separator: "/").last.map(String.init) ?? id
    if name.lowercased().hasSuffix("-gguf") { name = String(name.dropLast(5)) }
    return [name, job["quantization"]?.stringValue ?? ""].filter { !$0.isEmpty }.joined(separator: " ")
  }

  private var timeLeft: String { rate > 0 ? HumanText.duration(Double(total - done) / rate) + " left" : "" }

  var progressLine: ProgressLine {
    let isQueued = job["queued"] == true
    let details =
      isQueued
      ? ["waiting for other downloads"]
      : done >= total && total > 0
        ? [HumanText.progress(done, of: total), "checking"]
        : [
          HumanText.progress(done, of: total), rate > 0 ? HumanText.size(Int(rate)) + "/s" : "stalled", timeLeft,
        ]
    return ProgressLine(label: HumanText.plain(name), fraction: fraction, details: details)
  }

  static func table(_ jobs: [DownloadJobText]) -> TextTable {
    TextTable(
      ["JOB", "MODEL…", "STATUS", ">DONE", ">SIZE", ">SPEED", ">LEFT"],
      jobs.map { job in
        let isMoving = job.isOpen && job.rate > 0
        return [
          job.id, job.name, job.isOpen && job.job["queued"] == true ? "waiting" : job.status,
          "\(min(100, Int(job.fraction * 100))) %", HumanText.size(job.total),
          isMoving ? HumanText.size(Int(job.rate)) + "/s" : "",
          isMoving ? HumanText.duration(Double(job.total - job.done) / job.rate) : "",
        ]
      }
    ).withoutEmptyColumns
  }
}
