/// `params_string`: `135M`, `1.7B`, `26B-A4B`.
enum ParameterText {
  /// The file's own label if it is plausible, else the counted parameters; nil when nothing was counted.
  static func text(label: String?, total: Int64, experts: Int64, geometry: ModelGeometry?) -> String? {
    if let label, label.utf8.count <= 24, label.utf8.contains(where: { (0x30...0x39).contains($0) }),
      label.utf8.allSatisfy({ (0x21...0x7E).contains($0) })
    {
      return label
    }
    guard total > 0 else { return nil }
    guard let geometry, geometry.expertCount > 0, geometry.expertUsedCount > 0, experts > 0,
      geometry.expertUsedCount < geometry.expertCount
    else { return rounded(total) }
    let used = Double(experts) * Double(geometry.expertUsedCount) / Double(geometry.expertCount)
    return rounded(total) + "-A" + rounded(total - experts + Int64(used))
  }

  static func rounded(_ count: Int64) -> String {
    let scales: [(Double, String)] = [(1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "K")]
    let value = Double(count)
    for (scale, unit) in scales where value >= scale * 0.9995 {
      let scaled = value / scale
      let tenths = (scaled * 10).rounded() / 10
      let isWhole = tenths >= 10 || tenths == tenths.rounded()
      return isWhole ? "\(Int64(scaled.rounded()))\(unit)" : "\(tenths)\(unit)"
    }
    return "\(count)"
  }
}
