import AtelierCore

/// `GET /atelier/models`: where models lie and which variants they have, which the documented lists leave out. Keys as in
/// `lms ls --json` (native.md 17.1).
package enum ModelFiles {
  package static func body(_ models: [ModelDescription]) -> JSONValue { ["models": .array(models.map(entry))] }

  private static func entry(_ model: ModelDescription) -> JSONValue {
    [
      "modelKey": .string(model.key), "path": .string(model.selected.relativePath),
      "indexedModelIdentifier": .string(model.selected.relativePath), "sizeBytes": .integer(model.selected.sizeBytes),
      "variants": .array(
        model.variants.map { variant in
          [
            "name": .string(variant.name), "quantization": .text(variant.quantization?.name),
            "path": .string(variant.relativePath), "sizeBytes": .integer(variant.sizeBytes),
            "selected": .bool(variant == model.selected),
          ]
        }),
    ]
  }

  /// `DELETE /atelier/models/{key}`.
  package static func deleted(_ deletion: ModelDeletion, unloaded: [String]) -> JSONValue {
    [
      "model": .string(deletion.modelKey), "variants": .array(deletion.variants.map(JSONValue.string)), "deleted": true,
      "freed_bytes": .integer(deletion.freedBytes), "unloaded": .array(unloaded.map(JSONValue.string)),
    ]
  }
}
