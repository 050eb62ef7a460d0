import AtelierCore
import Foundation

/// Small image files of all kinds that are read: 24 × 16 pixels of pure red, where nothing else is said.
enum SamplePictures {
  static let png = picture(
    .png,
    """
    iVBORw0KGgoAAAANSUhEUgAAABgAAAAQCAIAAACDRijCAAAAGklEQVR42mP8z0AdwMQwatCoQaMGjRpEEQAA2D0BH+fED1UAAAAASUVORK5CYI\
    I=
    """)

  /// 16 bits a channel.
  static let deep = picture(
    .png,
    """
    iVBORw0KGgoAAAANSUhEUgAAABgAAAAQEAIAAADT1vSBAAAAJklEQVR42mP4/58BCAYPyTDqoFEHjTpo1EGjDhp10KiDRh1EXxIANo/9H/oNhM\
    4AAAAASUVORK5CYII=
    """)

  static let interlaced = picture(
    .png,
    """
    iVBORw0KGgoAAAANSUhEUgAAABgAAAAQCAIAAAH0QRhUAAAAHklEQVR42mP4z8AAQQxEsgZQaFTRcFI0atCoQQQQALMVfpCLXADrAAAAAElFTk\
    SuQmCC
    """)

  static let palette = picture(
    .png,
    """
    iVBORw0KGgoAAAANSUhEUgAAABgAAAAQCAMAAAA7+k+nAAACplBMVEUAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAzAABmAACZAA\
    DMAAD/AAAAMwAzMwBmMwCZMwDMMwD/MwAAZgAzZgBmZgCZZgDMZgD/ZgAAmQAzmQBmmQCZmQDMmQD/mQAAzAAzzABmzACZzADMzAD/zAAA/wAz\
    /wBm/wCZ/wDM/wD//wAAADMzADNmADOZADPMADP/ADMAMzMzMzNmMzOZMzPMMzP/MzMAZjMzZjNmZjOZZjPMZjP/ZjMAmTMzmTNmmTOZmTPMmT\
    P/mTMAzDMzzDNmzDOZzDPMzDP/zDMA/zMz/zNm/zOZ/zPM/zP//zMAAGYzAGZmAGaZAGbMAGb/AGYAM2YzM2ZmM2aZM2bMM2b/M2YAZmYzZmZm\
    ZmaZZmbMZmb/ZmYAmWYzmWZmmWaZmWbMmWb/mWYAzGYzzGZmzGaZzGbMzGb/zGYA/2Yz/2Zm/2aZ/2bM/2b//2YAAJkzAJlmAJmZAJnMAJn/AJ\
    kAM5kzM5lmM5mZM5nMM5n/M5kAZpkzZplmZpmZZpnMZpn/ZpkAmZkzmZlmmZmZmZnMmZn/mZkAzJkzzJlmzJmZzJnMzJn/zJkA/5kz/5lm/5mZ\
    /5nM/5n//5kAAMwzAMxmAMyZAMzMAMz/AMwAM8wzM8xmM8yZM8zMM8z/M8wAZswzZsxmZsyZZszMZsz/ZswAmcwzmcxmmcyZmczMmcz/mcwAzM\
    wzzMxmzMyZzMzMzMz/zMwA/8wz/8xm/8yZ/8zM/8z//8wAAP8zAP9mAP+ZAP/MAP//AP8AM/8zM/9mM/+ZM//MM///M/8AZv8zZv9mZv+ZZv/M\
    Zv//Zv8Amf8zmf9mmf+Zmf/Mmf//mf8AzP8zzP9mzP+ZzP/MzP//zP8A//8z//9m//+Z///M//////91g91EAAAAEUlEQVR42mPgxwEYRiUGQg\
    IAlo8Wgdd6zKUAAAAASUVORK5CYII=
    """)

  /// Wholly transparent.
  static let transparent = picture(
    .png,
    """
    iVBORw0KGgoAAAANSUhEUgAAABgAAAAQCAYAAAAMJL+VAAAAFUlEQVR42mNgGAWjYBSMglEwChgYAAYQAAEMMFrqAAAAAElFTkSuQmCC
    """)

  static let jpeg = picture(
    .jpeg,
    """
    /9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAMCAgMCAgMDAwMEAwMEBQgFBQQEBQoHBwYIDAoMDAsKCwsNDhIQDQ4RDgsLEBYQERMUFRUVDA8XGB\
    YUGBIUFRT/2wBDAQMEBAUEBQkFBQkUDQsNFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBT/wAARCAAQ\
    ABgDASIAAhEBAxEB/8QAFQABAQAAAAAAAAAAAAAAAAAAAAj/xAAUEAEAAAAAAAAAAAAAAAAAAAAA/8QAFgEBAQEAAAAAAAAAAAAAAAAAAAcJ/8\
    QAFBEBAAAAAAAAAAAAAAAAAAAAAP/aAAwDAQACEQMRAD8AnQBDGqYAD//Z
    """)

  static let progressive = picture(
    .jpeg,
    """
    /9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAMCAgMCAgMDAwMEAwMEBQgFBQQEBQoHBwYIDAoMDAsKCwsNDhIQDQ4RDgsLEBYQERMUFRUVDA8XGB\
    YUGBIUFRT/2wBDAQMEBAUEBQkFBQkUDQsNFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBT/wgARCAAQ\
    ABgDASIAAhEBAxEB/8QAFQABAQAAAAAAAAAAAAAAAAAAAAf/xAAWAQEBAQAAAAAAAAAAAAAAAAAABgj/2gAMAwEAAhADEAAAAZyIXVIH/8QAFB\
    ABAAAAAAAAAAAAAAAAAAAAIP/aAAgBAQABBQJf/8QAFBEBAAAAAAAAAAAAAAAAAAAAEP/aAAgBAwEBPwE//8QAFBEBAAAAAAAAAAAAAAAAAAAA\
    EP/aAAgBAgEBPwE//8QAFBABAAAAAAAAAAAAAAAAAAAAIP/aAAgBAQAGPwJf/8QAFBABAAAAAAAAAAAAAAAAAAAAIP/aAAgBAQABPyFf/9oADA\
    MBAAIAAwAAABD/AP8A/8QAFBEBAAAAAAAAAAAAAAAAAAAAEP/aAAgBAwEBPxA//8QAFBEBAAAAAAAAAAAAAAAAAAAAEP/aAAgBAgEBPxA//8QA\
    FBABAAAAAAAAAAAAAAAAAAAAIP/aAAgBAQABPxBf/9k=
    """)

  /// Inks, inverted as Adobe does.
  static let cmyk = picture(
    .jpeg,
    """
    /9j/7gAOQWRvYmUAZAAAAAAA/9sAQwADAgIDAgIDAwMDBAMDBAUIBQUEBAUKBwcGCAwKDAwLCgsLDQ4SEA0OEQ4LCxAWEBETFBUVFQwPFxgWFB\
    gSFBUU/8AAFAgAEAAYBEMRAE0RAFkRAEsRAP/EABUAAQEAAAAAAAAAAAAAAAAAAAAJ/8QAFBABAAAAAAAAAAAAAAAAAAAAAP/aAA4EQwBNAFkA\
    SwAAPwCqaVSVSqYAAAAAAP/Z
    """)

  /// Grey of 128.
  static let gray = picture(
    .jpeg,
    """
    /9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAMCAgMCAgMDAwMEAwMEBQgFBQQEBQoHBwYIDAoMDAsKCwsNDhIQDQ4RDgsLEBYQERMUFRUVDA8XGB\
    YUGBIUFRT/wAALCAAQABgBAREA/8QAFAABAAAAAAAAAAAAAAAAAAAAAP/EABQQAQAAAAAAAAAAAAAAAAAAAAD/2gAIAQEAAD8AAA//2Q==
    """)

  static let webp = picture(
    .webp,
    """
    UklGRkwAAABXRUJQVlA4IEAAAABQAwCdASoYABAAPjEUiEKiISEYBAAgAwSgB2APwA/AABEQAAD+96KX//16JSql/ew///wsz+Fmfwsz/4TgAA\
    AA
    """)

  /// Wholly transparent.
  static let lossless = picture(
    .webp,
    """
    UklGRhoAAABXRUJQVlA4TA4AAAAvF8ADEAcQ/Y8IRET/Aw==
    """)

  static let webpAnimation = picture(
    .webp,
    """
    UklGRtwAAABXRUJQVlA4WAoAAAACAAAAFwAADwAAQU5JTQYAAAAAAAAAAABBTk1GWAAAAAAAAAAAABcAAA8AAGQAAAJWUDggQAAAADADAJ0BKh\
    gAEAA+bSySRaQioZgEAEAGxKALsugH4AAIXwAA/vCbQ/+QXLC65Gv/yA/5Af8gP/5Af/vlwCgAAABBTk1GUAAAAAAAAAAAABcAAA8AAGQAAABW\
    UDggOAAAAHQCAJ0BKhgAEAA+bSySRYMAgAAA2JQA7AACDQAA/vkd2//+QH/+QH/+QH/8gP/+IXeyHP/4J4AA
    """)

  static let gif = picture(
    .gif,
    """
    R0lGODdhGAAQAIEAAP8AAAAAAAAAAAAAACwAAAAAGAAQAEAIIgABCBxIsKDBgwgTKlzIsKHDhxAjSpxIsaLFixgzatxoMCAAOw==
    """)

  /// Red, then blue.
  static let gifAnimation = picture(
    .gif,
    """
    R0lGODlhGAAQAIEAAP8AAAAAAAAAAAAAACH5BAAKAAAALAAAAAAYABAAAAgiAAEIHEiwoMGDCBMqXMiwocOHECNKnEixosWLGDNq3GgwIAAh+Q\
    QBCgABACwAAAAAGAAQAIEAAP8AAAAAAAAAAAAIIgABCBxIsKDBgwgTKlzIsKHDhxAjSpxIsaLFixgzatxoMCAAOw==
    """)

  /// 6 × 4 pixels.
  static let bmp = picture(
    .bmp, width: 6, height: 4,
    """
    Qk2GAAAAAAAAADYAAAAoAAAABgAAAAQAAAABABgAAAAAAFAAAADEDgAAxA4AAAAAAAAAAAAAAAD/AAD/AAD/AAD/AAD/AAD/AAAAAP8AAP8AAP\
    8AAP8AAP8AAP8AAAAA/wAA/wAA/wAA/wAA/wAA/wAAAAD/AAD/AAD/AAD/AAD/AAD/AAA=
    """)

  private static func picture(
    _ format: ImageData.Format, width: Int = 24, height: Int = 16, _ base64: String
  ) -> ImageData {
    ImageData(format: format, bytes: Data(base64Encoded: base64) ?? Data(), width: width, height: height)
  }

  /// An uncompressed picture, three bytes a pixel.
  static func bmp(width: Int, height: Int, pixel: (_ x: Int, _ y: Int) -> (UInt8, UInt8, UInt8)) -> ImageData {
    var bytes = Data("BM".utf8)
    func append(_ value: Int, _ size: Int) { for byte in 0..<size { bytes.append(UInt8(value >> (8 * byte) & 0xFF)) } }
    let rowBytes = (width * 3 + 3) / 4 * 4
    append(54 + rowBytes * height, 4)
    append(0, 4)
    append(54, 4)
    append(40, 4)
    append(width, 4)
    append(height, 4)
    append(1, 2)
    append(24, 2)
    for _ in 0..<6 { append(0, 4) }
    for y in (0..<height).reversed() {
      for x in 0..<width {
        let (red, green, blue) = pixel(x, y)
        bytes.append(contentsOf: [blue, green, red])
      }
      append(0, rowBytes - width * 3)
    }
    return ImageData(format: .bmp, bytes: bytes, width: width, height: height)
  }
}
