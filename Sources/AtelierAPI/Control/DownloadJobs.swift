import AtelierCore

/// `/atelier/downloads`: the jobs of native.md 11 with what the command line shows beyond it.
package enum DownloadJobs {
  package static func body(of jobs: [DownloadStatus]) -> JSONValue { ["jobs": .array(jobs.map { body(of: $0) })] }

  /// A download status, then `model` (the repository), `quantization`, `queued`, and `model_key` of a completed one.
  package static func body(of status: DownloadStatus) -> JSONValue {
    var body = LMStudioV1Download.body(of: status).objectValue ?? [:]
    body["model"] = .string(status.model)
    body["quantization"] = .text(status.quantization)
    body["queued"] = .bool(status.isQueued)
    if let key = status.modelKey { body["model_key"] = .string(key) }
    return .object(body)
  }

  package static func cancelled(_ id: String) -> JSONValue { ["job_id": .string(id), "status": "cancelled"] }
}
