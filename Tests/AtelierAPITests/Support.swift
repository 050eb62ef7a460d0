import AtelierAPI
import AtelierCore
import Foundation
import Testing

/// The error a call throws.
func failure<Value>(_ body: () throws(AtelierError) -> Value) -> AtelierError? {
  do throws(AtelierError) {
    _ = try body()
    return nil
  } catch {
    return error
  }
}

/// Expects that the body is refused with this code and field.
func expectRefusal<Value>(
  _ code: AtelierError.Code, _ param: String?, sourceLocation: SourceLocation = #_sourceLocation,
  _ body: () throws(AtelierError) -> Value
) {
  let error = failure(body)
  #expect(error?.code == code, "\(error?.message ?? "accepted")", sourceLocation: sourceLocation)
  #expect(error?.param == param, "\(error?.message ?? "accepted")", sourceLocation: sourceLocation)
}

extension JSONValue {
  /// These members, and those of `changes` over them; a change to nil removes.
  func with(_ changes: KeyValuePairs<String, JSONValue?>) -> JSONValue {
    var object = objectValue ?? [:]
    for (key, value) in changes { object[key] = value }
    return .object(object)
  }
}

enum TestImage {
  /// A PNG header; no decoder sees it.
  static func png(width: UInt32, height: UInt32) -> Data {
    var bytes: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A, 0, 0, 0, 13] + Array("IHDR".utf8)
    for value in [width, height] { bytes += (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - 8 * $0)) } }
    return Data(bytes + [8, 6, 0, 0, 0])
  }

  static func dataURL(_ data: Data, label: String = "image/png") -> String {
    "data:\(label);base64,\(data.base64EncodedString())"
  }
}

/// SplitMix64: the same seed gives the same test.
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var bits = state
    bits = (bits ^ (bits >> 30)) &* 0xbf58_476d_1ce4_e5b9
    bits = (bits ^ (bits >> 27)) &* 0x94d0_49bb_1331_11eb
    return bits ^ (bits >> 31)
  }
}
