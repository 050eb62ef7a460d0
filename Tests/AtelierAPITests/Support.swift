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
