import AtelierCore
import Foundation

/// `GET /v1/models` and `GET /v1/models/{id}` (openai.md 6).
package struct OpenAIModels: Sendable {
  private struct Entry {
    var id: String
    var displayName: String
    /// Seconds since 1970.
    var created: Int64
    var isLoaded: Bool
  }

  private let entries: [Entry]
  private let hasAnthropicFields: Bool

  /// - Parameters:
  ///   - includesUnloaded: models load on demand, so those on disk are usable and listed too.
  ///   - hasAnthropicFields: the request has an `anthropic-version` or `x-api-key` header; one merged object serves both
  ///     vendors' SDKs.
  package init(
    models: [ModelDescription], instances: [InstanceDescription], includesUnloaded: Bool, hasAnthropicFields: Bool
  ) {
    self.hasAnthropicFields = hasAnthropicFields
    let byKey = Dictionary(models.map { ($0.key, $0) }, uniquingKeysWith: { first, _ in first })
    var entries: [String: Entry] = [:]
    if includesUnloaded {
      for model in models { entries[model.key] = Self.entry(model.key, of: model, isLoaded: false) }
    }
    for instance in instances where instance.isReady {
      entries[instance.id] = Self.entry(instance.id, of: byKey[instance.modelKey], isLoaded: true)
    }
    self.entries = entries.values.sorted { ($0.isLoaded ? 0 : 1, $0.id) < ($1.isLoaded ? 0 : 1, $1.id) }
  }

  private static func entry(_ id: String, of model: ModelDescription?, isLoaded: Bool) -> Entry {
    Entry(
      id: id, displayName: model?.displayName ?? id, created: model?.selected.modified ?? 0, isLoaded: isLoaded)
  }

  package func list() -> JSONValue {
    var list: JSONObject = ["object": "list", "data": .array(entries.map(value))]
    if hasAnthropicFields {
      list["has_more"] = false
      list["first_id"] = .text(entries.first?.id)
      list["last_id"] = .text(entries.last?.id)
    }
    return .object(list)
  }

  /// The entry with this id: exactly, else the only one that differs in case, else the only one whose last path component
  /// it is. Throws `modelNotFound`.
  package func model(_ id: String) throws(AtelierError) -> JSONValue {
    guard let place = ModelLookup.place(of: id, in: entries.map(\.id)) else {
      throw ModelLookup.notFound(id, list: "GET /v1/models")
    }
    return value(entries[place])
  }

  private func value(_ entry: Entry) -> JSONValue {
    var object: JSONObject = [
      "id": .string(entry.id), "object": "model", "created": .integer(entry.created), "owned_by": "organization_owner",
    ]
    if hasAnthropicFields {
      object["type"] = "model"
      object["display_name"] = .string(entry.displayName)
      object["created_at"] = .string(
        Date(timeIntervalSince1970: TimeInterval(entry.created)).formatted(.iso8601))
    }
    return .object(object)
  }
}
