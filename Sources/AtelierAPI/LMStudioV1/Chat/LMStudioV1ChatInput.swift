import AtelierCore

/// `input`: a string, or text and image items that together form one user message (native.md 4.2).
enum LMStudioV1ChatInput {
  private static let formats: Set<ImageData.Format> = [.png, .jpeg, .webp, .gif]
  private static let shape =
    "Invalid input: expected a string or a non-empty array of "
    + "{\"type\":\"text\",\"content\":…} and {\"type\":\"image\",\"data_url\":…} items"

  /// The message's parts, or nil after reporting what is wrong. Every report names `input`, as the real server's do.
  static func parts(of fields: FieldReader) -> [ContentPart]? {
    do throws(AtelierError) {
      return try parts(of: fields["input"] ?? .null)
    } catch {
      fields.problems.add(error)
      return nil
    }
  }

  private static func parts(of input: JSONValue) throws(AtelierError) -> [ContentPart] {
    if let text = input.stringValue { return [.text(text)] }
    guard let items = input.arrayValue, !items.isEmpty else { throw AtelierError(.invalidUnion, shape, param: "input") }
    var parts: [ContentPart] = []
    var images = 0
    for (place, item) in items.enumerated() {
      let part = try part(item, at: place)
      if case .image = part { images += 1 }
      guard images <= RequestLimits.images else {
        throw AtelierError(
          .invalidValue, "'input' must have at most \(RequestLimits.images) images", param: "input")
      }
      parts.append(part)
    }
    return parts
  }

  private static func part(_ item: JSONValue, at place: Int) throws(AtelierError) -> ContentPart {
    let wrong = AtelierError(.invalidUnion, "\(shape); item \(place) is neither", param: "input")
    guard let object = item.objectValue, object.count == 2 else { throw wrong }
    switch object["type"]?.stringValue {
    // The documentation's table says "message" where its example and real servers say "text".
    case "text", "message":
      guard let text = object["content"]?.stringValue else { throw wrong }
      return .text(text)
    case "image":
      guard let url = object["data_url"]?.stringValue else { throw wrong }
      do throws(DataURL.Failure) {
        return .image(try DataURL.image(url, formats: formats))
      } catch {
        let rule =
          switch error {
          case .notInline: "must be a base64 data URL; send the image itself instead of its address"
          case .invalid(let rule): rule
          }
        throw AtelierError(.invalidImage, "'input.\(place).data_url' \(rule)", param: "input")
      }
    default: throw wrong
    }
  }
}
