import AtelierCore

/// `POST /api/v1/models/unload` (native.md 9).
package enum LMStudioV1Unload {
  /// The instance's id.
  package static func decode(_ body: JSONValue) throws(AtelierError) -> String {
    let problems = RequestProblems()
    let fields = try FieldReader(body: body, problems: problems)
    fields.refuseKeys(notIn: ["instance_id"])
    return try problems.unwrap(fields.required("instance_id", fields.name))
  }

  package static func body(instanceID: String) -> JSONValue { ["instance_id": .string(instanceID)] }
}
