import AtelierCore
import AtelierText
import CLlamaBridge

/// Reads an answer with the parser llama.cpp derived from the chat template: reasoning, message text and tool calls.
///
/// llama.cpp parses the whole text at every call, so pieces are collected: a call is made once they are a fixed share of
/// the text so far. That bounds the total cost to a small multiple of one parse of the whole text, and costs no delay
/// while the text is short.
final class LlamaChatParser: OutputParser {
  private let pointer: OpaquePointer
  private var pending: [UInt8] = []
  private var fed = 0
  private var calls = CallAssembler()

  private static let share = 64

  /// Throws when the description is not one that llama.cpp made.
  init(_ reply: TemplateReply, continuation: Bool) throws(BridgeFailure) {
    let description: JSONValue = [
      "format": .integer(Int64(reply.format)), "parser": .string(reply.parser),
      "generation_prompt": .string(reply.generationPrompt), "continuation": .bool(continuation),
    ]
    pointer = try bridgeCall { atelier_parser_create(description.serialized(), $0) }.get()
  }

  deinit { atelier_parser_free(pointer) }

  func feed(_ text: String) -> [ParsedOutput] {
    pending.append(contentsOf: text.utf8)
    return pending.count * Self.share >= fed ? flush(isFinal: false) : []
  }

  func finish() -> [ParsedOutput] { flush(isFinal: true) + calls.finish() }

  private func flush(isFinal: Bool) -> [ParsedOutput] {
    let text = bridgeText { error in
      pending.withUnsafeBytes { bytes in
        atelier_parser_feed(
          pointer, bytes.baseAddress?.assumingMemoryBound(to: CChar.self), bytes.count, isFinal, error)
      }
    }
    fed += pending.count
    pending.removeAll(keepingCapacity: true)
    guard let text = try? text.get(), let differences = try? JSONValue(parsing: text).arrayValue else { return [] }
    return differences.flatMap { calls.add($0) }
  }
}

/// Turns llama.cpp's differences into outputs. A call is announced once its name cannot grow any more: when arguments
/// follow, when the next call begins, or at the end.
struct CallAssembler {
  private struct Call {
    var index: Int
    var id: String
    var name: String
    var isStarted = false
  }

  private var open: Call?

  mutating func add(_ difference: JSONValue) -> [ParsedOutput] {
    var outputs: [ParsedOutput] = []
    if let text = difference["reasoning"]?.stringValue, !text.isEmpty { outputs.append(.reasoning(text)) }
    if let text = difference["content"]?.stringValue, !text.isEmpty { outputs.append(.message(text)) }
    guard let tool = difference["tool"], let index = tool["index"]?.integerValue else { return outputs }
    if let call = open, call.index != index { outputs += finish() }
    let name = tool["name"]?.stringValue ?? ""
    if open == nil {
      let id = tool["id"]?.stringValue ?? ""
      open = Call(index: index, id: id.isEmpty ? "call_" + RandomText.base62(24) : id, name: name)
    } else if !name.isEmpty, open?.isStarted == false {
      open?.name = name
    }
    if let arguments = tool["arguments"]?.stringValue, !arguments.isEmpty {
      outputs += start()
      outputs.append(.toolCallArguments(index: index, text: arguments))
    }
    return outputs
  }

  mutating func finish() -> [ParsedOutput] {
    guard let call = open else { return [] }
    let outputs = start() + [.toolCallFinished(index: call.index)]
    open = nil
    return outputs
  }

  private mutating func start() -> [ParsedOutput] {
    guard let call = open, !call.isStarted else { return [] }
    open?.isStarted = true
    return [.toolCallStarted(index: call.index, id: call.id, name: call.name)]
  }
}
