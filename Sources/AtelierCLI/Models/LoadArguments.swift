import AtelierCore

/// The flags of `load` as the body of a load or estimate request.
struct LoadArguments: Sendable, Hashable {
  var model: String
  var contextLength: Int?
  var parallel: Int?
  /// Seconds.
  var timeToLive: Int?
  var identifier: String?
  /// 0…1.
  var gpu: Double?
  var kvCacheType: String?
  var isPinned = false
  var isForced = false

  /// Only what was given, so that the server's defaults stay its own.
  var body: JSONObject {
    var body: JSONObject = ["model": .string(model)]
    if let contextLength { body["context_length"] = .integer(Int64(contextLength)) }
    if let parallel { body["parallel"] = .integer(Int64(parallel)) }
    if let timeToLive { body["ttl"] = .integer(Int64(timeToLive)) }
    if let identifier { body["identifier"] = .string(identifier) }
    if let gpu { body["gpu"] = Int64(exactly: gpu).map(JSONValue.integer) ?? .number(gpu) }
    if let kvCacheType { body["kv_cache_type"] = .string(kvCacheType) }
    if isPinned { body["pinned"] = true }
    if isForced { body["force"] = true }
    return body
  }

  /// `off`, `max` or a share from 0 to 1; nil for anything else.
  static func gpu(_ text: String) -> Double? {
    switch text.lowercased() {
    case "off": return 0
    case "max": return 1
    default:
      guard let share = Double(text), (0...1).contains(share) else { return nil }
      return share
    }
  }
}
