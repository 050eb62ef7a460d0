import AtelierEngine
import Testing

struct MersenneTwisterTests {
  /// The C++ standard gives the 10,000th number of a default-seeded `std::mt19937`.
  @Test func followsTheStandard() {
    var twister = MersenneTwister(seed: 5489)
    var value: UInt32 = 0
    for _ in 0..<10_000 { value = twister.next() }
    #expect(value == 4_123_659_995)
  }

  @Test func drawsAsLibstdcxx() {
    // Printed by std::uniform_real_distribution<double>(0, 1) over std::mt19937(42).
    var twister = MersenneTwister(seed: 42)
    let drawn = (0..<3).map { _ in twister.nextUniform() }
    #expect(drawn == [0x1.97d47b66bfc3cp-1, 0x1.77aca8779b102p-3, 0x1.8f33a88f76c7fp-1])
  }
}
