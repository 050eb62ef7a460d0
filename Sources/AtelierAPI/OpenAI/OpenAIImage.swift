import AtelierCore

/// An image of a message, as every route of OpenAI takes it: inline, as a data URL (openai.md 7.2).
enum OpenAIImage {
  private static let formats: Set<ImageData.Format> = [.png, .jpeg, .webp, .gif, .bmp]

  /// The image at the address that the part's `image_url` holds, or nil after reporting why there is none.
  static func read(_ url: String, of part: FieldReader) -> ContentPart? {
    let path = part.path(of: "image_url")
    do throws(DataURL.Failure) {
      return .image(try DataURL.image(url, formats: formats))
    } catch {
      switch error {
      case .notInline:
        part.problems.add(
          .imageURLUnsupported,
          "'\(path)' is not fetched by this server; inline the image as a data URL (data:image/png;base64,…)",
          param: path)
      case .invalid(let rule): part.problems.add(.invalidImage, "'\(path)' \(rule)", param: path)
      }
      return nil
    }
  }
}
