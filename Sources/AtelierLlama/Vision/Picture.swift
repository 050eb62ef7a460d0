import AtelierCore
import CLlamaBridge
import Foundation

/// A decoded image, upright: red, green and blue bytes of each pixel. The only place where image files are decoded, and it is in the
/// worker (threat model, "Images").
final class Picture {
  /// Pixels of the longer side at most (native.md 4.2).
  static let longestSide: UInt32 = 1024
  static let decodingSeconds = 10.0

  private var image: atelier_image
  var width: UInt32 { image.width }
  var height: UInt32 { image.height }
  var pixels: UnsafePointer<UInt8>? { UnsafePointer(image.pixels) }

  /// Blocking, for `seconds` at most. Throws `invalidImage`; `number` says which image of the request it is.
  init(_ data: ImageData, number: Int, seconds: Double = decodingSeconds) throws(AtelierError) {
    var image = atelier_image()
    let status = data.bytes.withUnsafeBytes { bytes in
      atelier_image_decode(
        Self.format(data.format), bytes.bindMemory(to: UInt8.self).baseAddress, bytes.count,
        UInt32(clamping: data.width), UInt32(clamping: data.height), Self.longestSide, seconds, &image)
    }
    guard status == Int32(ATELIER_IMAGE_OK.rawValue) else { throw Self.error(status, number) }
    let orientation = ImageOrientation(of: data)
    guard orientation == .upright || Self.turn(&image, orientation) else {
      atelier_image_free(&image)
      throw Self.error(Int32(ATELIER_IMAGE_TOO_LARGE.rawValue), number)
    }
    self.image = image
  }

  /// False without memory for a second picture; then the first one is as it was.
  private static func turn(_ image: inout atelier_image, _ orientation: ImageOrientation) -> Bool {
    let (width, height) = (Int(image.width), Int(image.height))
    // What `atelier_image_free` frees.
    guard let memory = malloc(width * height * 3), let stored = image.pixels else { return false }
    let pixels = memory.bindMemory(to: UInt8.self, capacity: width * height * 3)
    let size = orientation.isSideways ? (width: height, height: width) : (width: width, height: height)
    for y in 0..<size.height {
      for x in 0..<size.width {
        let place = orientation.source(x: x, y: y, width: width, height: height)
        let (from, to) = ((place.y * width + place.x) * 3, (y * size.width + x) * 3)
        for channel in 0..<3 { pixels[to + channel] = stored[from + channel] }
      }
    }
    atelier_image_free(&image)
    image = atelier_image(width: UInt32(size.width), height: UInt32(size.height), pixels: pixels)
    return true
  }

  deinit { atelier_image_free(&image) }

  /// The size that an image will have here.
  static func size(of data: ImageData) -> (width: UInt32, height: UInt32) {
    var width = UInt32(clamping: data.width)
    var height = UInt32(clamping: data.height)
    atelier_image_scaled_size(&width, &height, longestSide)
    return ImageOrientation(of: data).isSideways ? (height, width) : (width, height)
  }

  private static func format(_ format: ImageData.Format) -> Int32 {
    let value =
      switch format {
      case .png: ATELIER_IMAGE_PNG
      case .jpeg: ATELIER_IMAGE_JPEG
      case .webp: ATELIER_IMAGE_WEBP
      case .gif: ATELIER_IMAGE_GIF
      case .bmp: ATELIER_IMAGE_BMP
      }
    return Int32(value.rawValue)
  }

  private static func error(_ status: Int32, _ number: Int) -> AtelierError {
    let fault =
      switch UInt32(bitPattern: status) {
      case ATELIER_IMAGE_ANIMATED.rawValue: "is an animation; send a single picture"
      case ATELIER_IMAGE_TOO_LARGE.rawValue: "takes too much memory to decode; make it smaller"
      case ATELIER_IMAGE_TIMED_OUT.rawValue: "could not be decoded within \(Int(decodingSeconds)) seconds"
      default: "is damaged or incomplete"
      }
    return AtelierError(.invalidImage, "Image \(number) of the conversation \(fault).", param: "input")
  }
}
