import AtelierCore

/// `POST /atelier/estimate`: what `POST /api/v1/models/load` with the same body would take, loading nothing. Sizes in bytes.
package enum LoadEstimates {
  package static func body(_ estimate: LoadEstimate) -> JSONValue {
    [
      "model": .string(estimate.modelKey), "context_length": .count(estimate.contextLength),
      "weights_bytes": .integer(estimate.weights), "kv_cache_bytes": .integer(estimate.keyValueCache),
      "compute_bytes": .integer(estimate.compute), "total_bytes": .integer(estimate.total),
      "available_bytes": estimate.available.map(JSONValue.integer) ?? .null, "fits": .bool(estimate.fits),
    ]
  }
}
