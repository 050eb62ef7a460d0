package struct ReasoningCapability: Sendable, Hashable, Codable {
  package var allowedOptions: [ReasoningSetting]
  package var defaultOption: ReasoningSetting

  package init(allowedOptions: [ReasoningSetting], defaultOption: ReasoningSetting) {
    self.allowedOptions = allowedOptions
    self.defaultOption = defaultOption
  }
}
