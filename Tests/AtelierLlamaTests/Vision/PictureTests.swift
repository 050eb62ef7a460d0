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
