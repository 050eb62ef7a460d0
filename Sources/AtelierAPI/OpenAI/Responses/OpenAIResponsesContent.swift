import AtelierCore

/// Reads the content of messages and of tool outputs: a string or parts (openai.md 10.2).
struct OpenAIResponsesContent {
  private var images = 0

  init() {}

  /// Adjacent texts become one, joined by a newline. A member that is missing is no content.
  mutating func read(_ item: FieldReader, _ key: String, allowsImages: Bool) -> [ContentPart] {
    switch item[key] {
    case nil: return []
    case .string(let text): return [.text(text)]
    case .array(let parts):
      var content: [ContentPart] = []
      for (place, part) in parts.enumerated() where !item.problems.isFull {
        guard let object = part.objectValue else {
          let _: Never? = item.wrongType("\(key).\(place)", "object", part)
          continue
        }
        let reader = FieldReader(object, path: item.path(of: "\(key).\(place)"), problems: item.problems)
        if let part = self.part(reader, allowsImages: allowsImages) {
          content.append(contentsOf: [part], joiningTextWith: "\n")
        }
      }
      return content
    case .some(let value):
      let _: Never? = item.wrongType(key, "string or array of parts", value)
      return []
    }
  }

  private mutating func part(_ part: FieldReader, allowsImages: Bool) -> ContentPart? {
    guard let type = part.required("type", part.string) else { return nil }
    switch type {
    case "input_text", "output_text", "text": return part.required("text", part.string).map(ContentPart.text)
    case "refusal": return part.required("refusal", part.string).map(ContentPart.text)
    case "input_image" where allowsImages: return image(part)
    case "input_image": return part.wrongValue("type", "must be a text in a message of this role")
    case "input_file", "input_audio":
      return part.wrongValue("type", "'\(type)' is not supported; send text or images")
    default: return part.wrongValue("type", "must be 'input_text', 'output_text' or 'input_image'")
    }
  }

  private mutating func image(_ part: FieldReader) -> ContentPart? {
    images += 1
    guard images <= RequestLimits.images else {
      part.problems.add(.invalidValue, "'input' must have at most \(RequestLimits.images) images", param: "input")
      return nil
    }
    if part.has("file_id"), !part.has("image_url") {
      return part.wrongValue("file_id", "is not supported; inline the image as a data URL in 'image_url'")
    }
    // Chat completions wrap the address in an object.
    let wrapped = part["image_url"]?["url"]?.stringValue
    guard let url = wrapped ?? part.required("image_url", part.string) else { return nil }
    return OpenAIImage.read(url, of: part)
  }
}
