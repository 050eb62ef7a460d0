import AtelierCore
import Foundation

/// Lists of models as tables for people.
enum ModelTables {
  static func models(_ entries: [JSONObject], isLoaded: (String) -> Bool) -> TextTable {
    TextTable(
      ["MODEL…", "TYPE", ">PARAMS", "ARCH", "QUANT", ">SIZE", "LOADED"],
      entries.map { entry in
        let key = entry["modelKey"]?.stringValue ?? ""
        return [
          key, entry["type"]?.stringValue ?? "", entry["paramsString"]?.stringValue ?? "",
          entry["architecture"]?.stringValue ?? "", entry["quantization"]?["name"]?.stringValue ?? "",
          HumanText.size(entry["sizeBytes"]?.integerValue ?? 0), isLoaded(key) ? "yes" : "",
        ]
      }
    ).withoutEmptyColumns
  }

  /// A row for each variant; a star marks the one that the bare key loads.
  static func variants(_ variants: [JSONValue]) -> TextTable {
    TextTable(
      ["VARIANT…", "QUANT", ">SIZE", "", "FILE…"],
      variants.map { variant in
        [
          variant["name"]?.stringValue ?? "", variant["quantization"]?.stringValue ?? "",
          HumanText.size(variant["sizeBytes"]?.integerValue ?? 0), variant["selected"] == true ? "*" : "",
          variant["path"]?.stringValue ?? "",
        ]
      })
  }

  /// `now`: milliseconds since 1970.
  static func instances(_ instances: [JSONObject], now: Int) -> TextTable {
    // The model's key is shown only where it says more than the identifier.
    let showsKey = instances.contains { $0["identifier"] != $0["modelKey"] }
    return TextTable(
      ["IDENTIFIER…", "MODEL…", "STATUS", ">SIZE", ">CONTEXT", ">PARALLEL", "TTL"],
      instances.map { instance in
        [
          instance["identifier"]?.stringValue ?? "", showsKey ? instance["modelKey"]?.stringValue ?? "" : "",
          status(instance), HumanText.size(instance["sizeBytes"]?.integerValue ?? 0),
          instance["contextLength"]?.integerValue.map(String.init) ?? "",
          instance["parallel"]?.integerValue.map(String.init) ?? "", timeToLive(instance, now: now),
        ]
      }
    ).withoutEmptyColumns
  }

  /// What it does, and how many requests beyond the first it has.
  private static func status(_ instance: JSONObject) -> String {
    let words = [
      "processingPrompt": "reading", "computingEmbedding": "embedding", "generating": "generating",
    ]
    let status = (instance["status"] ?? instance["state"])?.stringValue ?? ""
    let queued = instance["queued"]?.integerValue ?? 0
    return (words[status] ?? status) + (queued > 1 ? " +\(queued - 1)" : "")
  }

  /// `left / total`, or nothing for an instance that stays.
  private static func timeToLive(_ instance: JSONObject, now: Int) -> String {
    if instance["pinned"] == true { return "pinned" }
    guard let total = instance["ttlMs"]?.integerValue else { return "" }
    let idle = instance["status"]?.stringValue == "idle" ? now - (instance["lastUsedTime"]?.integerValue ?? now) : 0
    return "\(max(0, total - max(0, idle)) / 1000)s / \(total / 1000)s"
  }
}
