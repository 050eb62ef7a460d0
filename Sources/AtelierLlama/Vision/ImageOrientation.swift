import AtelierCore
import Foundation

/// How a stored picture has to be turned to stand upright, as cameras note it in a JPEG (Exif 2.3, tag 0x0112).
enum ImageOrientation: UInt16, CaseIterable, Sendable {
  case upright = 1
  case mirrored, upsideDown, flipped, transposed, turnedLeft, transversed, turnedRight

  /// Width and height change places.
  var isSideways: Bool { rawValue >= Self.transposed.rawValue }

  /// Upright when the file says nothing, or nothing that can be read.
  init(of image: ImageData) {
    let found = image.format == .jpeg ? image.bytes.withUnsafeBytes { Self.read($0) } : nil
    self = found ?? .upright
  }

  /// Where in the stored picture the pixel is that belongs to a place of the upright one. `width` and `height` are the
  /// stored picture's.
  func source(x: Int, y: Int, width: Int, height: Int) -> (x: Int, y: Int) {
    switch self {
    case .upright: (x, y)
    case .mirrored: (width - 1 - x, y)
    case .upsideDown: (width - 1 - x, height - 1 - y)
    case .flipped: (x, height - 1 - y)
    case .transposed: (y, x)
    case .turnedLeft: (y, height - 1 - x)
    case .transversed: (width - 1 - y, height - 1 - x)
    case .turnedRight: (width - 1 - y, x)
    }
  }

  // MARK: Reading

  /// Segments before the picture's data, and entries of a directory: cameras write a few dozen.
  private static let mostSegments = 64
  private static let mostEntries = 256

  private static func read(_ bytes: UnsafeRawBufferPointer) -> ImageOrientation? {
    var place = 2
    for _ in 0..<mostSegments {
      guard place + 4 <= bytes.count, bytes[place] == 0xFF else { return nil }
      let marker = bytes[place + 1]
      let length = Int(bytes[place + 2]) << 8 | Int(bytes[place + 3])
      // 0xDA: from here on it is the picture itself.
      guard marker != 0xDA, length >= 2, place + 2 + length <= bytes.count else { return nil }
      let segment = UnsafeRawBufferPointer(rebasing: bytes[place + 4..<place + 2 + length])
      if marker == 0xE1, segment.starts(with: Array("Exif\0\0".utf8)) {
        return tiff(UnsafeRawBufferPointer(rebasing: segment[6...]))
      }
      place += 2 + length
    }
    return nil
  }

  private static func tiff(_ bytes: UnsafeRawBufferPointer) -> ImageOrientation? {
    let isLittle = bytes.starts(with: Array("II".utf8))
    guard isLittle || bytes.starts(with: Array("MM".utf8)) else { return nil }
    func number(_ place: Int, _ count: Int) -> Int? {
      guard place >= 0, place + count <= bytes.count else { return nil }
      let digits = bytes[place..<place + count]
      return (isLittle ? Array(digits.reversed()) : Array(digits)).reduce(0) { $0 << 8 | Int($1) }
    }
    guard number(2, 2) == 42, let directory = number(4, 4), let entries = number(directory, 2) else { return nil }
    for entry in 0..<min(entries, mostEntries) {
      let place = directory + 2 + entry * 12
      guard let tag = number(place, 2) else { return nil }
      guard tag == 0x0112 else { continue }
      // One short number.
      guard number(place + 2, 2) == 3, number(place + 4, 4) == 1 else { return nil }
      return number(place + 8, 2).flatMap { ImageOrientation(rawValue: UInt16($0)) }
    }
    return nil
  }
}
