import AtelierCore
import Testing

struct ReasoningCapabilityTests {
  private static let efforts = ReasoningCapability(allowedOptions: [.low, .medium, .high], defaultOption: .medium)
  private static let switchable = ReasoningCapability(allowedOptions: [.off, .on], defaultOption: .on)
  private static let mixed = ReasoningCapability(allowedOptions: [.off, .low, .high], defaultOption: .off)

  @Test(
    arguments: [
      (efforts, .low, .low), (efforts, .off, .low), (efforts, .minimal, .low), (efforts, .max, .high),
      (efforts, .on, .medium), (switchable, .off, .off), (switchable, .high, .on), (switchable, .on, .on),
      (mixed, .medium, .low), (mixed, .xhigh, .high), (mixed, .on, .low), (mixed, .off, .off),
      (ReasoningCapability(allowedOptions: [.on], defaultOption: .on), .off, nil),
    ] as [(ReasoningCapability, ReasoningSetting, ReasoningSetting?)])
  func theNearestSettingIsTaken(
    capability: ReasoningCapability, wanted: ReasoningSetting, expected: ReasoningSetting?
  ) {
    #expect(capability.nearest(to: wanted) == expected)
  }
}
