/// A piece of a message, in the order the client wrote it.
package enum ContentPart: Sendable, Hashable, Codable {
  case text(String)
  case image(ImageData)
}
