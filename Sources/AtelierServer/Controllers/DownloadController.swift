import AtelierAPI
import AtelierCore
import AtelierModels
import HTTPTypes
import HummingbirdCore

/// `POST /api/v1/models/download`. Goes on when the client leaves: the job is what was asked for.
struct DownloadController: RouteHandler {
  let downloads: any DownloadManaging
  let body: BodyReader

  func handle(_ request: ServerRequest, _ exchange: Exchange) async throws {
    let command = try LMStudioV1Download.decode(try await body.readJSON(request.request, exchange))
    try await exchange.send(LMStudioV1Download.body(of: try await downloads.download(command)))
  }
}

/// `GET /api/v1/models/download/status/:job_id`, also with the id as a query item; without an id all jobs.
struct DownloadStatusController: RouteHandler {
  let downloads: any DownloadManaging

  func handle(_ request: ServerRequest, _ exchange: Exchange) async throws {
    if let id = request.rest.isEmpty ? request.query["job_id"] : request.rest {
      try await exchange.send(LMStudioV1Download.body(of: try await downloads.status(ofJob: id)))
    } else {
      try await exchange.send(LMStudioV1Download.body(of: await downloads.jobs()))
    }
  }
}
