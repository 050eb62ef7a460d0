import AtelierCore

/// `GET /atelier/runtimes`: the engine builds, for `atelier runtime ls`.
package enum Runtimes {
  package static func body(version: String) -> JSONValue {
    var runtime = LMStudioV0Runtime.value.objectValue ?? [:]
    runtime["version"] = .string(version)
    runtime["selected"] = true
    return ["runtimes": [.object(runtime)]]
  }
}
