import AtelierCore
import Foundation

/// Images inside a request: `data:<type>;base64,<text>` (RFC 2397). The label is ignored, the content decides.
enum DataURL {
  enum Failure: Error {
    /// http, https, file or any other address.
    case notInline
    case invalid(String)
  }

  static func image(_ url: String, formats: Set<ImageData.Format>) throws(Failure) -> ImageData {
    guard url.utf8.count >= 5, url.utf8.prefix(5).elementsEqual("data:".utf8, by: { $0 | 0x20 == $1 | 0x20 }) else {
      throw .notInline
    }
    guard let comma = url.utf8.firstIndex(of: UInt8(ascii: ",")),
      url[..<comma].lowercased().hasSuffix(";base64")
    else { throw .invalid("must be a base64 data URL") }
    return try image(base64: url[url.index(after: comma)...], formats: formats)
  }

  /// The same for base64 text alone.
  static func image(base64 text: Substring, formats: Set<ImageData.Format>) throws(Failure) -> ImageData {
    guard text.utf8.count / 4 * 3 <= RequestLimits.imageBytes + 3 else { throw .invalid(tooLarge) }
    guard let bytes = Data(base64Encoded: String(text)), !bytes.isEmpty else { throw .invalid("is not valid base64") }
    guard bytes.count <= RequestLimits.imageBytes else { throw .invalid(tooLarge) }
    guard let header = ImageHeader(bytes), formats.contains(header.format) else {
      let names = formats.map { $0.rawValue.uppercased() }.sorted().joined(separator: ", ")
      throw .invalid("must be an image of one of the formats \(names)")
    }
    guard header.width > 0, header.height > 0 else { throw .invalid("is an image without pixels") }
    guard header.width <= RequestLimits.imageSide, header.height <= RequestLimits.imageSide,
      header.width * header.height <= RequestLimits.imagePixels
    else {
      throw .invalid(
        "is \(header.width) × \(header.height) pixels; the limits are \(RequestLimits.imageSide) on a side "
          + "and \(RequestLimits.imagePixels / 1_000_000) megapixels")
    }
    return ImageData(format: header.format, bytes: bytes, width: header.width, height: header.height)
  }

  private static let tooLarge = "is larger than \(RequestLimits.imageBytes / 1024 / 1024) MiB"
}
