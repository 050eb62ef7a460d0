/// MT19937 as `std::mt19937`: the same seed gives the same numbers as llama.cpp's samplers draw.
package struct MersenneTwister: Sendable {
  private static let size = 624
  private static let shift = 397

  private var state: [UInt32]
  private var index = size

  package init(seed: UInt32) {
    var value = seed
    state = []
    state.reserveCapacity(Self.size)
    state.append(value)
    for index in 1..<UInt32(Self.size) {
      value = 1_812_433_253 &* (value ^ (value >> 30)) &+ index
      state.append(value)
    }
  }

  package mutating func next() -> UInt32 {
    if index == Self.size { refill() }
    var value = state[index]
    index += 1
    value ^= value >> 11
    value ^= (value << 7) & 0x9d2c_5680
    value ^= (value << 15) & 0xefc6_0000
    return value ^ (value >> 18)
  }

  /// In 0..<1, as `std::uniform_real_distribution<double>(0, 1)` of libstdc++: two draws, the first one the low part.
  package mutating func nextUniform() -> Double {
    let low = Double(next())
    let high = Double(next())
    let value = (low + high * 0x1p32) * 0x1p-64
    return value < 1 ? value : (1.0).nextDown
  }

  private mutating func refill() {
    state.withUnsafeMutableBufferPointer { state in
      for index in 0..<Self.size {
        let joined = (state[index] & 0x8000_0000) | (state[(index + 1) % Self.size] & 0x7fff_ffff)
        state[index] =
          state[(index + Self.shift) % Self.size] ^ (joined >> 1) ^ (joined & 1 == 0 ? 0 : 0x9908_b0df)
      }
    }
    index = 0
  }
}
