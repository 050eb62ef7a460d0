import AtelierCore

/// `GET /atelier/instances`: what the command line shows of loaded models beyond the documented APIs, which have no place
/// for it. The first keys as in `lms ps --json` (native.md 17.1), the last ones ours: `memoryBytes` as the engine reports it,
/// `origin` (manual, jit), `pinned`, `progress` (0…1 while it loads, else null).
package enum InstanceStates {
  package static func body(_ instances: [InstanceDescription]) -> JSONValue {
    ["instances": .array(instances.map(entry))]
  }

  private static func entry(_ instance: InstanceDescription) -> JSONValue {
    [
      "identifier": .string(instance.id), "modelKey": .string(instance.modelKey),
      "status": .string(instance.state.rawValue), "queued": .integer(Int64(instance.queued)),
      "ttlMs": instance.timeToLive.map { .integer(Int64($0) * 1000) } ?? .null,
      "lastUsedTime": instance.lastUsed.map(JSONValue.integer) ?? .null,
      "contextLength": .integer(Int64(instance.configuration.contextLength)),
      "parallel": instance.kind == .llm ? .integer(Int64(instance.configuration.parallel)) : .null,
      "quantization": .text(instance.quantization), "memoryBytes": instance.memoryBytes.map(JSONValue.integer) ?? .null,
      "origin": .string(instance.origin.rawValue), "pinned": .bool(instance.isPinned),
      "progress": instance.loadProgress.map { .measure($0) } ?? .null,
    ]
  }
}
