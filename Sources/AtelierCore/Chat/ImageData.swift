import Foundation

/// An image as the client sent it: still encoded. Only a worker decodes it.
package struct ImageData: Sendable, Hashable, Codable {
  package enum Format: String, Sendable, Hashable, Codable { case png, jpeg, webp, gif, bmp }

  /// Recognised by content, not by the client's label.
  package var format: Format
  package var bytes: Data
  /// Pixels, read from the header before any decoding.
  package var width: Int
  package var height: Int

  package init(format: Format, bytes: Data, width: Int, height: Int) {
    self.format = format
    self.bytes = bytes
    self.width = width
    self.height = height
  }
}
