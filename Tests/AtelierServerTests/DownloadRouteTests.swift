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

  // MARK: Beyond the documented routes

  private func json(_ method: HTTPRequest.Method, _ path: String, _ status: Int = 200) async throws -> JSONValue {
    let sink = try await Harness().send(method, path)
    #expect(sink.status == status)
    return try JSONValue(parsing: sink.body)
  }

  @Test func jobsAreSteered() async throws {
    let id = "job_0000000001"
    #expect(try await json(.get, "/atelier/downloads")["jobs"]?.arrayValue?.first?["model"] == "acme/tiny")
    #expect(try await json(.get, "/atelier/downloads/\(id)")["queued"] == false)
    #expect(try await json(.post, "/atelier/downloads/\(id)/pause")["status"] == "paused")
    #expect(try await json(.post, "/atelier/downloads/\(id)/resume/")["status"] == "downloading")
    #expect(
      try await json(.post, "/atelier/downloads/\(id)/cancel") == ["job_id": .string(id), "status": "cancelled"])
    for verb in ["pause", "resume", "cancel"] {
      #expect(try await json(.post, "/atelier/downloads/job_x/\(verb)", 404)["error"]?["code"] == "job_not_found")
    }
    #expect(try await json(.post, "/atelier/downloads/\(id)/stop", 404)["error"]?["code"] == "unknown_endpoint")
    _ = try await json(.post, "/atelier/downloads/\(id)", 404)
  }

  @Test func theCatalogIsSearched() async throws {
    let found = try await json(.get, "/atelier/catalog?query=two+w%6Frds&limit=5&hub=false")
    #expect(found["models"]?.arrayValue?.first?["id"] == "two words")
    #expect(found["models"]?.arrayValue?.first?["downloads"] == 5)
    #expect(found["models"]?.arrayValue?.first?["source"] == "catalog" && found["hub_error"] == nil)
    #expect(try await json(.get, "/atelier/catalog?query=x")["hub_error"]?["code"] == "hub_unreachable")
    _ = try await json(.get, "/atelier/catalog?limit=0", 400)
    _ = try await json(.get, "/atelier/catalog?hub=perhaps", 400)
    let choices = try await json(.get, "/atelier/catalog/acme%2Ftiny")
    #expect(choices["repository"] == "acme/tiny")
    #expect(choices["choices"]?.arrayValue?.first?["size_bytes"] == 5)
    let link = try await json(.get, "/atelier/catalog/https%3A%2F%2Fhub%2Fa%2Fb")
    #expect(link["repository"] == "https://hub/a/b")
  }

  @Test(arguments: ["/atelier/models/acme%2Ftiny", "/atelier/models/acme/tiny"])
  func aLoadedModelIsDeletedByForceOnly(path: String) async throws {
    let refused = try await json(.delete, path, 409)
    #expect(refused["error"]?["code"] == "model_in_use" && refused["error"]?["type"] == "invalid_request")
    _ = try await json(.delete, path + "?force=false", 409)
    _ = try await json(.delete, path + "?force=maybe", 400)
    let deleted = try await json(.delete, path + "?force=true")
    #expect(deleted["deleted"] == true && deleted["unloaded"] == ["acme/tiny"])
    #expect(!deleted.serialized().contains("secret"))
  }

  @Test func otherModelsAreDeletedAtOnce() async throws {
    #expect(try await json(.delete, "/atelier/models/other")["freed_bytes"] == 5)
    _ = try await json(.delete, "/atelier/models/nothing", 404)
    _ = try await json(.delete, "/atelier/models", 405)
    let page = try await Harness().send(.delete, "/atelier/models/other", headers: [.origin: "http://evil.example"])
    #expect(page.status == 403)
  }

  @Test func theFilesAndTheEngineAreListed() async throws {
    let models = try await json(.get, "/atelier/models")
    #expect(models["models"]?.arrayValue?.first?["path"] == "acme/tiny/tiny.gguf")
    #expect(try await json(.get, "/atelier/runtimes")["runtimes"]?.arrayValue?.first?["version"] == "1.2.3")
  }
}
