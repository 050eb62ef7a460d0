import AtelierCore
import Foundation

/// Format and size of an encoded image, read from its first bytes. Nothing is decoded.
///
/// Sources of the layouts: PNG (W3C, IHDR), GIF89a, BMP (Windows DIB headers), JPEG (ITU-T T.81, B.2.2), WebP (RFC 9649).
struct ImageHeader: Equatable {
  var format: ImageData.Format
  /// Pixels; as declared, so possibly 0.
  var width: Int
  var height: Int

  /// Markers of a JPEG file looked at before giving up.
  private static let mostSegments = 4096

  /// nil when the bytes are no image of a known format, or end inside its header.
  init?(_ data: Data) {
    let header = data.withUnsafeBytes { (bytes: UnsafeRawBufferPointer) -> ImageHeader? in
      let reader = Bytes(bytes)
      return Self.png(reader) ?? Self.gif(reader) ?? Self.webp(reader) ?? Self.jpeg(reader) ?? Self.bmp(reader)
    }
    guard let header else { return nil }
    self = header
  }

  private init(_ format: ImageData.Format, _ width: Int, _ height: Int) {
    self.format = format
    self.width = width
    self.height = height
  }

  private static func png(_ bytes: Bytes) -> ImageHeader? {
    guard bytes.starts(with: [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]), bytes.text(12, 4) == "IHDR",
      let width = bytes.big(16, 4), let height = bytes.big(20, 4)
    else { return nil }
    return ImageHeader(.png, width, height)
  }

  private static func gif(_ bytes: Bytes) -> ImageHeader? {
    let signature = bytes.text(0, 6)
    guard signature == "GIF89a" || signature == "GIF87a", let width = bytes.little(6, 2),
      let height = bytes.little(8, 2)
    else { return nil }
    return ImageHeader(.gif, width, height)
  }

  private static func bmp(_ bytes: Bytes) -> ImageHeader? {
    guard bytes.text(0, 2) == "BM", let headerSize = bytes.little(14, 4) else { return nil }
    if headerSize == 12 {
      guard let width = bytes.little(18, 2), let height = bytes.little(20, 2) else { return nil }
      return ImageHeader(.bmp, width, height)
    }
    guard headerSize >= 40, let width = bytes.little(18, 4), let height = bytes.little(22, 4) else { return nil }
    // Rows from top to bottom are written as a negative height.
    let rows = Int(Int32(truncatingIfNeeded: height).magnitude)
    return ImageHeader(.bmp, width, rows)
  }

  private static func webp(_ bytes: Bytes) -> ImageHeader? {
    guard bytes.text(0, 4) == "RIFF", bytes.text(8, 4) == "WEBP" else { return nil }
    switch bytes.text(12, 4) {
    case "VP8 ":
      guard bytes.big(23, 3) == 0x9D012A, let width = bytes.little(26, 2), let height = bytes.little(28, 2) else {
        return nil
      }
      return ImageHeader(.webp, width & 0x3FFF, height & 0x3FFF)
    case "VP8L":
      guard bytes.big(20, 1) == 0x2F, let bits = bytes.little(21, 4) else { return nil }
      return ImageHeader(.webp, (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
    case "VP8X":
      guard let width = bytes.little(24, 3), let height = bytes.little(27, 3) else { return nil }
      return ImageHeader(.webp, width + 1, height + 1)
    default: return nil
    }
  }

  private static func jpeg(_ bytes: Bytes) -> ImageHeader? {
    guard bytes.starts(with: [0xFF, 0xD8, 0xFF]) else { return nil }
    var place = 2
    for _ in 0..<mostSegments {
      guard bytes.big(place, 1) == 0xFF, let marker = bytes.big(place + 1, 1) else { return nil }
      switch marker {
      case 0xFF: place += 1  // fill byte
      case 0x01, 0xD0...0xD7: place += 2  // stands alone
      case 0xC0...0xC3, 0xC5...0xC7, 0xC9...0xCB, 0xCD...0xCF:
        guard let height = bytes.big(place + 5, 2), let width = bytes.big(place + 7, 2) else { return nil }
        return ImageHeader(.jpeg, width, height)
      case 0xD9, 0xDA: return nil  // the picture begins, or the file ends, without a frame header
      default:
        guard let length = bytes.big(place + 2, 2), length >= 2 else { return nil }
        place += 2 + length
      }
    }
    return nil
  }
}

/// Bounds-checked reads.
private struct Bytes {
  let bytes: UnsafeRawBufferPointer

  init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  private func range(_ place: Int, _ count: Int) -> Range<Int>? {
    place >= 0 && place <= bytes.count - count ? place..<place + count : nil
  }

  func big(_ place: Int, _ count: Int) -> Int? {
    range(place, count).map { bytes[$0].reduce(0) { $0 << 8 | Int($1) } }
  }

  func little(_ place: Int, _ count: Int) -> Int? {
    range(place, count).map { bytes[$0].reversed().reduce(0) { $0 << 8 | Int($1) } }
  }

  func text(_ place: Int, _ count: Int) -> String? {
    range(place, count).map { String(decoding: bytes[$0], as: UTF8.self) }
  }

  func starts(with prefix: [UInt8]) -> Bool { bytes.starts(with: prefix) }
}
