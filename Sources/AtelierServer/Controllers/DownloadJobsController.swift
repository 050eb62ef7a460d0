import AtelierAPI
import AtelierCore
import AtelierModels

/// `GET /atelier/downloads` and `GET /atelier/downloads/{job_id}`.
struct DownloadJobsController: RouteHandler {
  let downloads: any DownloadManaging

  func handle(_ request: ServerRequest, _ exchange: Exchange) async throws {
    if request.rest.isEmpty {
      try await exchange.send(DownloadJobs.body(of: await downloads.jobs()))
    } else {
      try await exchange.send(DownloadJobs.body(of: try await downloads.status(ofJob: request.rest)))
    }
  }
}

/// `POST /atelier/downloads/{job_id}/pause`, `…/resume` and `…/cancel`; a body is not read.
struct DownloadSteeringController: RouteHandler {
  let downloads: any DownloadManaging

  func handle(_ request: ServerRequest, _ exchange: Exchange) async throws {
    let parts = request.rest.split(separator: "/").map(String.init)
    switch parts.count == 2 ? parts[1] : "" {
    case "pause": try await exchange.send(DownloadJobs.body(of: try await downloads.pause(parts[0])))
    case "resume": try await exchange.send(DownloadJobs.body(of: try await downloads.resume(parts[0])))
    case "cancel":
      try await downloads.cancel(parts[0])
      try await exchange.send(DownloadJobs.cancelled(parts[0]))
    default: throw AtelierError.unknownEndpoint(method: "POST", path: "/atelier/downloads/\(request.rest)")
    }
  }
}
