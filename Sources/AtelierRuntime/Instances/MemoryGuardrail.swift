import AtelierCore
import Foundation

/// Refuses a load whose estimate does not fit the memory that is free now.
package struct MemoryGuardrail: Sendable {
  private let availableBytes: @Sendable () -> Int64?

  /// `availableBytes`: what could be used without swapping; nil when unknown, and then nothing is refused.
  package init(availableBytes: @escaping @Sendable () -> Int64? = MemoryGuardrail.systemAvailableBytes) {
    self.availableBytes = availableBytes
  }

  /// Throws `insufficientMemory`. `estimate`: bytes; nil takes the files' size plus a twentieth for compute buffers.
  func check(_ plan: LoadPlan, estimate: Int64?, mode: Settings.Guardrail) throws(AtelierError) {
    let share: Double
    switch mode {
    case .off: return
    case .relaxed: share = 1
    case .balanced: share = 0.85
    case .strict: share = 0.7
    }
    guard let available = availableBytes() else { return }
    let needed = estimate.map(Double.init) ?? Double(plan.variant.sizeBytes) * 1.05
    guard needed > Double(available) * share else { return }
    func mebibytes(_ bytes: Double) -> Int64 { Int64(bytes / 1_048_576) }
    throw AtelierError(
      .insufficientMemory,
      """
      Loading '\(plan.model.key)' needs about \(mebibytes(needed)) MiB, and \(mebibytes(Double(available))) MiB are \
      free. Unload another model, choose a smaller quantization, or relax the setting 'guardrail'.
      """)
  }

  /// `MemAvailable` of `/proc/meminfo` in bytes.
  package static let systemAvailableBytes: @Sendable () -> Int64? = {
    guard let text = try? String(contentsOfFile: "/proc/meminfo", encoding: .utf8),
      let line = text.split(separator: "\n").first(where: { $0.hasPrefix("MemAvailable:") }),
      let kibibytes = line.split(separator: " ").dropFirst().first.flatMap({ Int64($0) })
    else { return nil }
    return kibibytes * 1024
  }
}
