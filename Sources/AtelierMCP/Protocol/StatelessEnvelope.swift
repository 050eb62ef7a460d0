import AtelierCore

/// What a request of the stateless era carries beside its own parameters (2026-07-28, "Per-request protocol fields").
enum StatelessEnvelope {
  static let protocolVersion = "io.modelcontextprotocol/protocolVersion"
  static let clientInfo = "io.modelcontextprotocol/clientInfo"
  static let clientCapabilities = "io.modelcontextprotocol/clientCapabilities"
  static let serverInfo = "io.modelcontextprotocol/serverInfo"
  static let subscriptionID = "io.modelcontextprotocol/subscriptionId"

  /// The parameters with version, client and capabilities in `_meta`. We have no capabilities: no sampling, no roots, no
  /// elicitation.
  static func stamped(_ params: JSONObject?, version: ProtocolVersion, client: ClientIdentity) -> JSONObject {
    var params = params ?? [:]
    var meta = params["_meta"]?.objectValue ?? [:]
    meta[protocolVersion] = .string(version.rawValue)
    meta[clientInfo] = client.json
    meta[clientCapabilities] = .object([:])
    params["_meta"] = .object(meta)
    return params
  }
}
