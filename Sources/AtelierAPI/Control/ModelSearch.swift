import AtelierCore

/// `GET /atelier/catalog`: models that can be downloaded, for `atelier get`.
package enum ModelSearch {
  package static func body(of result: ModelSearchResult) -> JSONValue {
    var body: JSONObject = ["models": .array(result.models.map(entry))]
    if let error = result.hubError { body["hub_error"] = LMStudioV1Error.object(error) }
    return .object(body)
  }

  /// What is not known is left out.
  private static func entry(_ model: FoundModel) -> JSONValue {
    var entry: JSONObject = [
      "id": .string(model.id), "repository": .string(model.repository),
      "source": model.isInCatalog ? "catalog" : "hub",
    ]
    if let kind = model.kind { entry["kind"] = .string(kind) }
    if let recommended = model.recommended { entry["recommended"] = .string(recommended) }
    if let size = model.sizeBytes { entry["approximate_size_bytes"] = .integer(size) }
    if let downloads = model.downloads { entry["downloads"] = .count(downloads) }
    if let likes = model.likes { entry["likes"] = .count(likes) }
    return .object(entry)
  }

  package static func body(of choices: DownloadChoices) -> JSONValue {
    [
      "repository": .string(choices.repository),
      "choices": .array(
        choices.choices.map { choice in
          [
            "quantization": .text(choice.quantization), "size_bytes": .integer(choice.sizeBytes),
            "files": .array(choice.files.map(JSONValue.string)), "recommended": .bool(choice.isRecommended),
            "downloaded": .bool(choice.isDownloaded),
          ]
        }),
    ]
  }
}
