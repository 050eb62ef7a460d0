import AtelierCore
import Foundation

/// One event of `GET /atelier/log` (native.md 17.4).
struct PredictionLogEntry: Sendable {
  let event: JSONValue

  init(_ event: JSONValue) { self.event = event }

  var withoutStatistics: JSONValue {
    var event = event.objectValue ?? [:]
    var data = event["data"]?.objectValue ?? [:]
    data["stats"] = nil
    event["data"] = .object(data)
    return .object(event)
  }

  func text(withStatistics: Bool) -> String {
    let data = event["data"] ?? .null
    let isInput = data["type"]?.stringValue == "llm.prediction.input"
    let seconds = (event["timestamp"]?.doubleValue ?? 0) / 1000
    let time = Date(timeIntervalSince1970: seconds).formatted(.iso8601).replacing("T", with: " ")
    let model = HumanText.plain(data["modelIdentifier"]?.stringValue ?? "")
    var lines = ["\(time)  \(model)  \(isInput ? "input" : "output")"]
    lines.append(HumanText.lines((isInput ? data["input"] : data["output"])?.stringValue ?? ""))
    if withStatistics, !isInput, let stats = data["stats"] { lines.append(ChatArguments.statistics(stats)) }
    return lines.joined(separator: "\n") + "\n"
  }
}
