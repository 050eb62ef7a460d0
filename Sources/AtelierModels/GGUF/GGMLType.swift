/// How many bytes tensors take (ggml's `ggml-common.h`).
enum GGMLType {
  /// Values in a block and the block's bytes, by type number; nil for a type this table does not know.
  static func block(_ type: UInt32) -> (values: UInt64, bytes: UInt64)? {
    switch type {
    case 0: (1, 4)  // F32
    case 1, 30: (1, 2)  // F16, BF16
    case 2: (32, 18)  // Q4_0
    case 3: (32, 20)  // Q4_1
    case 6: (32, 22)  // Q5_0
    case 7: (32, 24)  // Q5_1
    case 8: (32, 34)  // Q8_0
    case 9: (32, 36)  // Q8_1
    case 10: (256, 84)  // Q2_K
    case 11: (256, 110)  // Q3_K
    case 12: (256, 144)  // Q4_K
    case 13: (256, 176)  // Q5_K
    case 14: (256, 210)  // Q6_K
    case 15: (256, 292)  // Q8_K
    case 16: (256, 66)  // IQ2_XXS
    case 17: (256, 74)  // IQ2_XS
    case 18: (256, 98)  // IQ3_XXS
    case 19: (256, 50)  // IQ1_S
    case 20: (32, 18)  // IQ4_NL
    case 21: (256, 110)  // IQ3_S
    case 22: (256, 82)  // IQ2_S
    case 23: (256, 136)  // IQ4_XS
    case 24: (1, 1)  // I8
    case 25: (1, 2)  // I16
    case 26: (1, 4)  // I32
    case 27, 28: (1, 8)  // I64, F64
    case 29: (256, 56)  // IQ1_M
    case 34: (256, 54)  // TQ1_0
    case 35: (256, 66)  // TQ2_0
    case 39: (32, 17)  // MXFP4
    case 40: (64, 36)  // NVFP4
    case 41: (128, 18)  // Q1_0
    case 42: (64, 18)  // Q2_0
    default: nil
    }
  }

  /// Bytes of one KV-cache element of a type named as in load configurations; F16's for an unknown name.
  static func bytesPerElement(named name: String) -> Double {
    switch name.lowercased() {
    case "f32": 4
    case "q8_0": 34.0 / 32
    case "q5_1": 24.0 / 32
    case "q5_0": 22.0 / 32
    case "q4_1": 20.0 / 32
    case "q4_0", "iq4_nl": 18.0 / 32
    default: 2
    }
  }
}
