import AtelierCore
import AtelierEngine
import Testing

@testable import AtelierLlama

struct MemoryPlanTests {
  private func plan(_ facts: MemoryPlan.Facts, parallel: Int = 4, context: Int = 4096) -> MemoryPlan {
    MemoryPlan(facts, parallel: parallel, contextLength: context, physicalBatch: 512)
  }

  private func isAnyPrefix(_ plan: MemoryPlan) -> Bool { plan.reuse == .anyPrefix }

  @Test func fullAttentionNeedsNoCheckpoints() {
    let plan = plan(MemoryPlan.Facts(positionBytes: 100_000, weights: 1 << 32), parallel: 32, context: 1 << 20)
    #expect(plan.kind == .fullAttention)
    #expect(isAnyPrefix(plan))
    #expect(plan.sequences == 128)
    #expect(plan.checkpointBytes == 0)
    #expect(!plan.hasShadows)
  }

  /// As much as the cache itself, within bounds; a cache far beyond them is left alone.
  @Test(arguments: [(2048, 47_185_920), (8192, 188_743_680), (32_768, 268_435_456), (65_536, 0)])
  func idleSequencesHaveHostMemory(context: Int, bytes: Int) {
    let plan = plan(MemoryPlan.Facts(positionBytes: 23_040, weights: 100 << 20), context: context)
    #expect(plan.parkedBytes == bytes)
    #expect(plan.parking?.bytes == (bytes > 0 ? bytes : nil))
  }

  /// Gemma 3 270M: 15 KiB a position, of which a window has 512.
  @Test(arguments: [(2048, true), (4096, true), (8192, true), (12_288, true), (32_768, false), (131_072, false)])
  func aWindowGetsTheFullSizeWhereThatIsCheap(context: Int, isFull: Bool) {
    let facts = MemoryPlan.Facts(window: 512, positionBytes: 18 << 10, weights: 250 << 20)
    let plan = plan(facts, context: context)
    #expect(plan.kind == (isFull ? .fullWindow : .window))
    #expect(isAnyPrefix(plan) == isFull)
    #expect(plan.hasShadows == isFull)
    let windows = Int64(min(context, 512 * 10 + 512)) * facts.positionBytes
    let estimate = Int64(context) * facts.positionBytes
    if isFull {
      #expect(plan.checkpointBytes == 0)
    } else {
      #expect(windows + Int64(plan.checkpointBytes) <= estimate, "the estimate counts full attention")
    }
  }

  @Test func statesUseCheckpoints() {
    for (facts, kind) in [
      (MemoryPlan.Facts(isRecurrent: true, weights: 1 << 30), MemoryPlan.Kind.recurrent),
      (MemoryPlan.Facts(isHybrid: true, window: 128, weights: 1 << 30), .hybrid),
    ] {
      let plan = plan(facts)
      #expect(plan.kind == kind)
      #expect(plan.sequences == 10)
      #expect(plan.reuse == .checkpoints(CheckpointLimits(bytes: 128 << 20)))
      #expect(plan.note.contains("checkpoints"))
    }
    let compressed = plan(MemoryPlan.Facts(window: 128, isCompressed: true))
    #expect(compressed.reuse == .checkpoints(CheckpointLimits(count: 0, bytes: 0)))
  }

  @Test func oddSizesDoNotTrap() {
    let facts = MemoryPlan.Facts(window: 1, positionBytes: .max, weights: .max)
    #expect(plan(facts, context: Int(UInt32.max)).kind == .window)
    #expect(CheckpointBudget.bytes(weights: .max) == 1 << 30)
    #expect(CheckpointBudget.bytes(weights: 0) == 128 << 20)
  }
}
