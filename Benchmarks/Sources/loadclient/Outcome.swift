/// What became of one request; times in seconds after the run's beginning.
struct Outcome {
  let id: String
  let chain: Int
  var sent: Double
  var end = 0.0
  var response = ResponseParser()
  var failure: String?

  /// Text of the answer with JSON's escapes left in: every `"content":"…"` of the body, joined.
  func escapedAnswer() -> [UInt8] {
    let mark = Array("\"content\":\"".utf8)
    let body = response.body
    var answer: [UInt8] = []
    var index = 0
    while index + mark.count <= body.count {
      guard body[index] == mark[0], body[index..<index + mark.count].elementsEqual(mark) else {
        index += 1
        continue
      }
      index += mark.count
      while index < body.count, body[index] != UInt8(ascii: "\"") {
        if body[index] == UInt8(ascii: "\\"), index + 1 < body.count {
          answer.append(body[index])
          index += 1
        }
        answer.append(body[index])
        index += 1
      }
    }
    return answer
  }

  /// One line of JSON.
  func appendLine(to output: inout [UInt8], origin: Double) {
    output += "{\"id\":".utf8
    appendQuoted(Array(id.utf8), to: &output)
    output += ",\"chain\":\(chain),\"sent\":\(sent - origin),\"end\":\(end - origin),\"status\":\(response.status)".utf8
    if let failure {
      output += ",\"failure\":".utf8
      appendQuoted(Array(failure.utf8), to: &output)
    }
    output += ",\"events\":[".utf8
    for (index, event) in response.events.enumerated() {
      output += "\(index == 0 ? "" : ",")[\(event.time - origin),\(event.end)]".utf8
    }
    output += "],\"body\":".utf8
    appendQuoted(response.body, to: &output)
    output += "}\n".utf8
  }

  private func appendQuoted(_ bytes: [UInt8], to output: inout [UInt8]) {
    let digits = Array("0123456789abcdef".utf8)
    output.append(UInt8(ascii: "\""))
    for byte in bytes {
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"): output += [UInt8(ascii: "\\"), byte]
      case 0..<32: output += Array("\\u00".utf8) + [digits[Int(byte >> 4)], digits[Int(byte & 15)]]
      default: output.append(byte)
      }
    }
    output.append(UInt8(ascii: "\""))
  }
}
