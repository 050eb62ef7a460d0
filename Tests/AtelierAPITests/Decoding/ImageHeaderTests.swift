import AtelierCore
import AtelierTesting
import Foundation
import Testing

@testable import AtelierAPI

struct ImageHeaderTests {
  private static let jpegHead: [UInt8] = [0xFF, 0xD8, 0xFF, 0xE0, 0, 4, 1, 2, 0xFF, 0xFF, 0xDB, 0, 3, 9]
  private static let frame: [UInt8] = [0xFF, 0xC2, 0, 17, 8, 0x01, 0x02, 0x03, 0x04, 3]

  private static func webp(_ chunk: String, _ rest: [UInt8]) -> Data {
    Data(Array("RIFF".utf8) + [0, 0, 0, 0] + Array("WEBP\(chunk)".utf8) + [0, 0, 0, 0] + rest)
  }

  static let images: [(Data, ImageData.Format, Int, Int)] = [
    (TestImage.png(width: 640, height: 70_000), .png, 640, 70_000),
    (Data(Array("GIF89a".utf8) + [0x02, 0x01, 0x03, 0x00]), .gif, 258, 3),
    (Data(Array("GIF87a".utf8) + [1, 0, 2, 0]), .gif, 1, 2),
    (Data(Array("BM".utf8)) + Data(count: 12) + Data([40, 0, 0, 0, 5, 0, 0, 0, 0xFA, 0xFF, 0xFF, 0xFF]), .bmp, 5, 6),
    (Data(Array("BM".utf8)) + Data(count: 12) + Data([12, 0, 0, 0, 5, 0, 6, 0]), .bmp, 5, 6),
    (Data(jpegHead + frame), .jpeg, 0x0304, 0x0102),
    (webp("VP8 ", [0, 0, 0, 0x9D, 0x01, 0x2A, 0x90, 0x41, 0x2C, 0x81]), .webp, 400, 300),
    (webp("VP8L", [0x2F, 0x8F, 0xC1, 0x4A, 0x00]), .webp, 400, 300),
    (webp("VP8X", [0, 0, 0, 0, 0x8F, 0x01, 0, 0x2B, 0x01, 0]), .webp, 400, 300),
  ]

  @Test(arguments: images.indices) func sizeIsReadFromTheHeader(index: Int) throws {
    let (data, format, width, height) = Self.images[index]
    let header = try #require(ImageHeader(data))
    #expect(header.format == format && header.width == width && header.height == height, "\(header)")
  }

  @Test(arguments: images.indices) func everyShorterPrefixIsRefused(index: Int) throws {
    let data = Self.images[index].0
    let needed = try #require((0...data.count).first { ImageHeader(data.prefix($0)) != nil })
    for count in 0..<needed { #expect(ImageHeader(data.prefix(count)) == nil) }
    // A slice that does not start at index 0.
    #expect(ImageHeader((Data([7, 7, 7]) + data).dropFirst(3)) == ImageHeader(data))
  }

  @Test func hostileHeadersEndQuickly() {
    #expect(ImageHeader(Data([0xFF, 0xD8] + Array(repeating: 0xFF, count: 1_000_000))) == nil)
    #expect(ImageHeader(Data([0xFF, 0xD8, 0xFF, 0xE0, 0, 0, 0, 0])) == nil)
    #expect(ImageHeader(Data([0xFF, 0xD8, 0xFF, 0xE0, 0, 1] + Self.frame)) == nil)
    #expect(ImageHeader(Data([0xFF, 0xD8, 0xFF, 0xDA, 0, 2] + Self.frame)) == nil)
    #expect(ImageHeader(Data("GIF90a1234".utf8)) == nil)
  }

  @Test func randomBytesNeverTrap() {
    var generator = SeededGenerator(seed: 7)
    let heads = Self.images.map { $0.0 }
    for _ in 0..<20_000 {
      var bytes = Array(heads.randomElement(using: &generator) ?? Data())
      for _ in 0..<Int.random(in: 1...4, using: &generator) {
        bytes[Int.random(in: 0..<bytes.count, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
      }
      _ = ImageHeader(Data(bytes.prefix(Int.random(in: 0...bytes.count, using: &generator))))
    }
  }
}
