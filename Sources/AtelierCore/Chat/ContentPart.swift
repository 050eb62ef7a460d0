package enum ContentPart: Sendable, Hashable, Codable {
  case text(String)
  case image(ImageData)
}
