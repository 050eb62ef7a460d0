import AtelierCore
import HTTPTypes
import Testing

struct DownloadRouteTests {
  @Test func aDownloadIsStartedOrKnown() async throws {
    let known = try await Harness().send(.post, "/api/v1/models/download", #"{"model":"acme/tiny"}"#)
    #expect(try JSONValue(parsing: known.body) == ["status": "already_downloaded"])
    let started = try await Harness().send(.post, "/api/v1/models/download/", #"{"model":"acme/other"}"#)
    #expect(try JSONValue(parsing: started.body)["job_id"] == "job_0000000001")
  }

  @Test(arguments: [
    "/api/v1/models/download/status/job_0000000001", "/api/v1/models/download/status?job_id=job_0000000001",
  ])
  func statusIsFoundByPathAndByQuery(path: String) async throws {
    let sink = try await Harness().send(.get, path)
    #expect(try JSONValue(parsing: sink.body)["downloaded_bytes"] == 5)
  }

  @Test func withoutAnIdAllJobsAreListedAndAnUnknownOneIsNotFound() async throws {
    let list = try await Harness().send(.get, "/api/v1/models/download/status")
    #expect(try JSONValue(parsing: list.body)["jobs"]?.arrayValue?.count == 1)
    for path in ["/api/v1/models/download/status/job_x", "/api/v1/models/download/status?job_id=job_x"] {
      let missing = try await Harness().send(.get, path)
      #expect(missing.status == 404)
      #expect(try JSONValue(parsing: missing.body)["error"]?["type"] == "job_not_found")
    }
  }
}
