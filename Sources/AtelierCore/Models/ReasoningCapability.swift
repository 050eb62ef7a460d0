/// Which reasoning settings a model knows, and what it does without one.
package struct ReasoningCapability: Sendable, Hashable, Codable {
  package var allowedOptions: [ReasoningSetting]
  package var defaultOption: ReasoningSetting

  package init(allowedOptions: [ReasoningSetting], defaultOption: ReasoningSetting) {
    self.allowedOptions = allowedOptions
    self.defaultOption = defaultOption
  }
}

extension ReasoningCapability {
  /// The allowed setting that comes closest to `setting`; nil when the model has nothing like it.
  package func nearest(to setting: ReasoningSetting) -> ReasoningSetting? {
    if allowedOptions.contains(setting) { return setting }
    let efforts = allowedOptions.filter { $0 != .on && $0 != .off }
    switch setting {
    case .on: return defaultOption != .off ? defaultOption : Self.nearest(to: .medium, among: efforts)
    // A model that cannot stop thinking can at least think little.
    case .off: return Self.nearest(to: .minimal, among: efforts)
    case .minimal, .low, .medium, .high, .xhigh, .max:
      return Self.nearest(to: setting, among: efforts) ?? allowedOptions.first { $0 == .on }
    }
  }

  private static let scale: [ReasoningSetting] = [.minimal, .low, .medium, .high, .xhigh, .max]

  /// Of two that are equally near, the smaller.
  private static func nearest(to setting: ReasoningSetting, among efforts: [ReasoningSetting]) -> ReasoningSetting? {
    let places = efforts.compactMap(scale.firstIndex).sorted()
    guard let wanted = scale.firstIndex(of: setting) else { return nil }
    return places.min { abs($0 - wanted) < abs($1 - wanted) }.map { scale[$0] }
  }
}
