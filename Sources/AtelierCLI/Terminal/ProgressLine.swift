/// One line that shows how far something is, as a value.
struct ProgressLine: Sendable, Hashable {
  /// What it is about; cut when the terminal is narrow.
  var label: String
  /// 0…1; nil: not known, so a mark wanders.
  var fraction: Double?
  /// Shown after the bar, in this order: what is left out first comes last.
  var details: [String] = []

  private static let widestBar = 24
  private static let narrowestBar = 8
  private static let widestLabel = 32
  private static let gap = "  "

  /// At most `width - 3` characters: a terminal shows `^C` behind it, and what wraps cannot be drawn over. `tick` moves
  /// the mark.
  func text(width: Int, tick: Int = 0, isUnicode: Bool = true) -> String {
    let room = max(20, width - 3)
    var shown = details.filter { !$0.isEmpty }
    let percent = fraction.map { Self.percent($0) } ?? ""
    func needed(_ label: Int, _ bar: Int) -> Int {
      let parts = [label, bar + 2] + (percent.isEmpty ? [] : [percent.count]) + shown.map(\.count)
      return parts.reduce(0, +) + Self.gap.count * (parts.count - 1)
    }
    let least = min(label.count, 12)
    while !shown.isEmpty, needed(least, Self.narrowestBar) > room { shown.removeLast() }
    let labelWidth = max(
      least, min(label.count, Self.widestLabel, room - needed(0, Self.narrowestBar)))
    let bar = max(Self.narrowestBar, min(Self.widestBar, room - needed(labelWidth, 0)))
    let name = label.count <= labelWidth ? label : label.prefix(max(0, labelWidth - 1)) + "…"
    let parts =
      [name, "[" + Self.bar(fraction, bar, tick, isUnicode) + "]"] + (percent.isEmpty ? [] : [percent]) + shown
    return String(parts.joined(separator: Self.gap).prefix(room))
  }

  /// Never 100 % before the end.
  private static func percent(_ fraction: Double) -> String {
    let number = fraction >= 1 ? 100 : min(99, Int(max(0, fraction) * 100))
    return String(repeating: " ", count: number < 10 ? 2 : number < 100 ? 1 : 0) + "\(number) %"
  }

  private static func bar(_ fraction: Double?, _ width: Int, _ tick: Int, _ isUnicode: Bool) -> String {
    let (full, empty): (Character, Character) = isUnicode ? ("█", "░") : ("#", ".")
    guard let fraction else {
      let span = width - 3
      let place = tick % (2 * span)
      let start = place < span ? place : 2 * span - place
      return String((0..<width).map { ($0 - start).magnitude < 3 && $0 >= start ? full : empty })
    }
    let filled = Int((min(max(fraction, 0), 1) * Double(width)).rounded(.down))
    return String(repeating: full, count: filled) + String(repeating: empty, count: width - filled)
  }
}
