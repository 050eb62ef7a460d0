import AtelierCore
import AtelierModels
import Foundation

/// Refuses a load whose estimate does not fit the memory that is free now.
package struct MemoryGuardrail: Sendable {
  private let availableBytes: @Sendable () -> Int64?

  /// `availableBytes`: what could be used without swapping; nil when unknown, and then nothing is refused.
  package init(availableBytes: @escaping @Sendable () -> Int64? = MemoryGuardrail.systemAvailableBytes) {
    self.availableBytes = availableBytes
  }

  /// A comparison of need and supply, in bytes.
  struct Verdict: Sendable, Hashable {
    var needed: Int64
    var available: Int64?
    var fits: Bool

    /// Whether weights should be read into memory of the worker's own, where they lie in huge pages: generation gains 4 to
    /// 9 %. Mapped ones can be given up and read again when memory is short, so a copy may take a quarter of it at most.
    func leavesRoomForCopy(of weights: Int64) -> Bool { available.map { weights <= $0 / 4 } ?? false }
  }

  func verdict(on needed: Int64, mode: Settings.Guardrail) -> Verdict {
    let available = availableBytes()
    let share: Double
    switch mode {
    case .off: return Verdict(needed: needed, available: available, fits: true)
    case .relaxed: share = 1
    case .balanced: share = 0.85
    case .strict: share = 0.7
    }
    return Verdict(
      needed: needed, available: available, fits: available.map { Double(needed) <= Double($0) * share } ?? true)
  }

  /// The refusal, with its numbers.
  static func error(_ plan: LoadPlan, _ verdict: Verdict) -> AtelierError {
    let available = verdict.available ?? 0
    return AtelierError(
      .insufficientMemory,
      """
      Loading '\(plan.model.key)' needs about \(verdict.needed >> 20) MiB, and \(available >> 20) MiB are free. Unload \
      another model, choose a smaller quantization or context_length, relax the setting 'guardrail', or load it with \
      "force": true.
      """, details: ["needed_bytes": .integer(verdict.needed), "available_bytes": .integer(available)])
  }

  /// `MemAvailable` of `/proc/meminfo`, or what the control group leaves if that is less. Bytes.
  package static let systemAvailableBytes: @Sendable () -> Int64? = {
    guard let available = meminfo("MemAvailable:") else { return groupLeft() }
    return min(available, groupLeft() ?? available)
  }

  /// All the memory this machine, or the control group, has. Bytes; nil when unknown.
  package static func systemTotalBytes() -> Int64? {
    guard let total = meminfo("MemTotal:") else { return group("memory.max") }
    return min(total, group("memory.max") ?? total)
  }

  private static func meminfo(_ name: String) -> Int64? {
    guard let text = try? String(contentsOfFile: "/proc/meminfo", encoding: .utf8),
      let line = text.split(separator: "\n").first(where: { $0.hasPrefix(name) }),
      let kibibytes = line.split(separator: " ").dropFirst().first.flatMap({ Int64($0) })
    else { return nil }
    return kibibytes * 1024
  }

  /// What a limited control group (version 2, as containers see theirs) has left. Its page cache can be given up.
  private static func groupLeft() -> Int64? {
    guard let limit = group("memory.max"), let used = group("memory.current") else { return nil }
    let statistics = try? String(contentsOfFile: "/sys/fs/cgroup/memory.stat", encoding: .utf8)
    let cache = statistics?.split(separator: "\n").first { $0.hasPrefix("inactive_file ") }
      .flatMap { Int64($0.dropFirst(14)) }
    return max(0, limit - used + (cache ?? 0))
  }

  /// nil for `max` and where there is no such file.
  private static func group(_ name: String) -> Int64? {
    guard let text = try? String(contentsOfFile: "/sys/fs/cgroup/\(name)", encoding: .utf8) else { return nil }
    return text.split(whereSeparator: \.isWhitespace).first.flatMap { Int64($0) }
  }
}
