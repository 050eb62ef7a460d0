import AtelierCore
import Foundation
import Testing

@testable import AtelierLlama

struct PictureTests {
  private func pixel(_ picture: Picture, _ x: Int, _ y: Int) throws -> [Int] {
    let pixels = try #require(picture.pixels)
    let start = (y * Int(picture.width) + x) * 3
    return (0..<3).map { Int(pixels[start + $0]) }
  }

  private func failure(_ data: ImageData, seconds: Double = 10) -> AtelierError? {
    do {
      _ = try Picture(data, number: 3, seconds: seconds)
      return nil
    } catch { return error }
  }

  @Test(arguments: [
    SamplePictures.png, SamplePictures.deep, SamplePictures.interlaced, SamplePictures.palette, SamplePictures.jpeg,
    SamplePictures.progressive, SamplePictures.cmyk, SamplePictures.webp, SamplePictures.gif,
    SamplePictures.gifAnimation, SamplePictures.bmp,
  ])
  func everyKindIsDecoded(_ data: ImageData) throws {
    let picture = try Picture(data, number: 1)
    #expect((Int(picture.width), Int(picture.height)) == (data.width, data.height))
    // Formats that lose something keep the colour, not each of its bits.
    let tolerance = data.format == .jpeg || data.format == .webp ? 8 : 0
    for (x, y) in [(0, 0), (data.width - 1, 0), (data.width / 2, data.height - 1)] {
      let found = try pixel(picture, x, y)
      #expect(zip(found, [255, 0, 0]).allSatisfy { abs($0 - $1) <= tolerance }, "\(found) at \(x), \(y)")
    }
  }

  /// The sample with an Exif segment in front.
  private func photograph(_ exif: [UInt8], length: Int? = nil) -> ImageData {
    var data = SamplePictures.jpeg
    let size = (length ?? exif.count + 6) + 2
    data.bytes.insert(
      contentsOf: [0xFF, 0xE1, UInt8(size >> 8), UInt8(size & 255)] + Array("Exif\0\0".utf8) + exif, at: 2)
    return data
  }

  private func exif(_ orientation: UInt8, little: Bool) -> [UInt8] {
    little
      ? Array("II".utf8) + [42, 0, 8, 0, 0, 0, 2, 0, 0x0F, 1, 2, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0x12, 1, 3, 0, 1, 0, 0, 0]
        + [orientation, 0, 0, 0]
      : Array("MM".utf8) + [0, 42, 0, 0, 0, 8, 0, 1, 1, 0x12, 0, 3, 0, 0, 0, 1, 0, orientation, 0, 0]
  }

  @Test(arguments: ImageOrientation.allCases, [true, false])
  func aPhotographStandsUpright(_ orientation: ImageOrientation, _ little: Bool) throws {
    let data = photograph(exif(UInt8(orientation.rawValue), little: little))
    #expect(ImageOrientation(of: data) == orientation)
    let picture = try Picture(data, number: 1)
    let size = orientation.isSideways ? (data.height, data.width) : (data.width, data.height)
    #expect((Int(picture.width), Int(picture.height)) == size)
    #expect(Picture.size(of: data) == (picture.width, picture.height))
    let colour = try pixel(picture, size.0 - 1, size.1 - 1)
    #expect(zip(colour, [255, 0, 0]).allSatisfy { abs($0 - $1) <= 8 })
  }

  /// The letter F, stored as each orientation says, is an F again.
  @Test func everyOrientationIsUndone() {
    let upright = ["###", "#..", "##.", "#..", "#.."]
    let stored: [ImageOrientation: [String]] = [
      .upright: upright, .mirrored: ["###", "..#", ".##", "..#", "..#"],
      .upsideDown: ["..#", "..#", ".##", "..#", "###"],
      .flipped: ["#..", "#..", "##.", "#..", "###"], .transposed: ["#####", "#.#..", "#...."],
      .turnedLeft: ["#....", "#.#..", "#####"], .transversed: ["....#", "..#.#", "#####"],
      .turnedRight: ["#####", "..#.#", "....#"],
    ]
    for (orientation, rows) in stored {
      let pixels = rows.map(Array.init)
      let turned = (0..<5).map { y in
        String(
          (0..<3).map { x in
            let place = orientation.source(x: x, y: y, width: pixels[0].count, height: pixels.count)
            return pixels[place.y][place.x]
          })
      }
      #expect(turned == upright, "\(orientation)")
    }
  }

  @Test func brokenNotesOfACameraAreIgnored() {
    let whole = exif(6, little: true)
    for length in 0..<whole.count - 3 {
      #expect(ImageOrientation(of: photograph(Array(whole.prefix(length)))) == .upright)
    }
    #expect(ImageOrientation(of: photograph(exif(9, little: false))) == .upright)
    #expect(ImageOrientation(of: photograph(whole, length: 60_000)) == .upright)
    for place in whole.indices {
      var damaged = whole
      damaged[place] = 0xFF
      _ = ImageOrientation(of: photograph(damaged))
    }
  }

  @Test func greyIsGrey() throws {
    #expect(try pixel(Picture(SamplePictures.gray, number: 1), 5, 5) == [128, 128, 128])
  }

  @Test(arguments: [SamplePictures.transparent, SamplePictures.lossless])
  func whatIsTransparentIsWhite(_ data: ImageData) throws {
    #expect(try pixel(Picture(data, number: 1), 12, 8) == [255, 255, 255])
  }

  @Test(arguments: [
    SamplePictures.png, SamplePictures.interlaced, SamplePictures.palette, SamplePictures.jpeg,
    SamplePictures.progressive, SamplePictures.webp, SamplePictures.lossless, SamplePictures.gif, SamplePictures.bmp,
  ])
  func halfAFileIsRefused(_ data: ImageData) {
    for part in [0.5, 0.7, 0.9] {
      var cut = data
      cut.bytes = data.bytes.prefix(Int(Double(data.bytes.count) * part))
      let error = failure(cut)
      #expect(error?.code == .invalidImage && error?.param == "input")
      #expect(error?.message == "Image 3 of the conversation is damaged or incomplete.")
    }
  }

  @Test(arguments: [SamplePictures.png, SamplePictures.jpeg, SamplePictures.webp, SamplePictures.gif])
  func noise(_ data: ImageData) {
    for seed in 0..<200 {
      var bytes = [UInt8](data.bytes)
      bytes[(seed * 37) % bytes.count] ^= UInt8(1 << (seed % 8))
      // Whether it can still be read or not: it ends, with a picture of the promised size or an error.
      let damaged = ImageData(format: data.format, bytes: Data(bytes), width: data.width, height: data.height)
      if let picture = try? Picture(damaged, number: 1) {
        #expect((picture.width, picture.height) == (24, 16))
      }
    }
  }

  @Test(arguments: [
    SamplePictures.png, SamplePictures.jpeg, SamplePictures.webp, SamplePictures.gif, SamplePictures.bmp,
  ])
  func anotherSizeThanTheHeadersIsRefused(_ data: ImageData) {
    var other = data
    other.height += 1
    #expect(failure(other)?.code == .invalidImage)
  }

  @Test func oneFormatUnderTheNameOfAnotherIsRefused() {
    var disguised = SamplePictures.png
    disguised.format = .jpeg
    #expect(failure(disguised)?.code == .invalidImage)
  }

  @Test func anAnimatedWebPIsRefusedWithItsReason() {
    #expect(failure(SamplePictures.webpAnimation)?.message.contains("animation") == true)
  }

  @Test(arguments: [SamplePictures.png, SamplePictures.webp, SamplePictures.progressive, SamplePictures.gif])
  func whoTakesTooLongIsEnded(_ data: ImageData) {
    #expect(failure(data, seconds: 0)?.message.contains("could not be decoded within") == true)
  }

  @Test func aGIFTooLargeForItsDecoderIsRefusedUndecoded() {
    let vast = ImageData(format: .gif, bytes: SamplePictures.gif.bytes, width: 8000, height: 6000)
    #expect(failure(vast)?.message.contains("too much memory") == true)
  }

  @Test func largePicturesAreScaledByAveraging() throws {
    // Columns of black and white in turn, two rows of each colour below each other.
    let stripes = SamplePictures.bmp(width: 2048, height: 8) { x, y in
      let value: UInt8 = x % 2 == 0 ? 0 : 255
      return y < 4 ? (value, value, value) : (0, value, 0)
    }
    let picture = try Picture(stripes, number: 1)
    #expect((picture.width, picture.height) == (1024, 4))
    #expect(try pixel(picture, 17, 0) == [128, 128, 128])
    #expect(try pixel(picture, 1023, 3) == [0, 128, 0])
    #expect(Picture.size(of: stripes) == (1024, 4))
    // No whole number of pixels makes one.
    let odd = SamplePictures.bmp(width: 1025, height: 3) { x, _ in x == 0 ? (255, 255, 255) : (0, 0, 0) }
    let scaled = try Picture(odd, number: 1)
    #expect((scaled.width, scaled.height) == (1024, 3))
    #expect(try pixel(scaled, 0, 1)[0] == 255 && pixel(scaled, 2, 1) == [0, 0, 0])
  }

  @Test func anExtremeShapeKeepsAPixel() {
    let line = ImageData(format: .png, bytes: Data(), width: 16_384, height: 1)
    #expect(Picture.size(of: line) == (1024, 1))
  }
}
