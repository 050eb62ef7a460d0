import AtelierCore

/// Writes items of responses (openai.md 10.4), in the answer and as they are listed again.
///
/// An item's id is made of its response's id and its place, so that it is the same in the stream, in the whole answer and
/// in what was stored, and leads back to what was stored: `msg_<48 digits>_0`, of an input `msg_<48 digits>_in0`.
struct OpenAIResponsesItems: Sendable, Hashable {
  enum Status: String, Sendable, Hashable { case inProgress = "in_progress", completed, incomplete }

  var responseID: String
  var forms: ToolForms
  /// nil: reasoning items carry no sealed copy.
  var seal: ReasoningSeal?

  func id(_ kind: String, _ place: Int, isInput: Bool = false) -> String {
    "\(kind)_\(responseID.dropFirst(ResponseID.prefix.count))_\(isInput ? "in" : "")\(place)"
  }

  /// The response an item's id belongs to; nil for an id of another form.
  static func responseID(ofItem id: String) -> String? {
    let parts = id.split(separator: "_", omittingEmptySubsequences: false)
    guard parts.count == 3, !parts[1].isEmpty else { return nil }
    return ResponseID.prefix + parts[1]
  }

  // MARK: Single items

  func message(_ text: String, _ logprobs: [TokenLogprob], _ place: Int, _ status: Status) -> JSONValue {
    message(content: [.object(Self.textPart(text, logprobs))], place, status)
  }

  func message(content: [JSONValue], _ place: Int, _ status: Status, isInput: Bool = false) -> JSONValue {
    [
      "id": .string(id("msg", place, isInput: isInput)), "type": "message", "status": .string(status.rawValue),
      "role": "assistant", "content": .array(content),
    ]
  }

  static func textPart(_ text: String, _ logprobs: [TokenLogprob] = []) -> JSONObject {
    ["type": "output_text", "text": .string(text), "annotations": [], "logprobs": self.logprobs(logprobs)]
  }

  static func reasoningPart(_ text: String) -> JSONObject { ["type": "reasoning_text", "text": .string(text)] }

  static func logprobs(_ tokens: [TokenLogprob]) -> JSONValue {
    .array(tokens.map(OpenAILogprobs.entry))
  }

  /// `text` nil: the item is just beginning.
  func reasoning(_ text: String?, _ place: Int, _ status: Status, isInput: Bool = false) -> JSONValue {
    var item: JSONObject = [
      "id": .string(id("rs", place, isInput: isInput)), "type": "reasoning", "summary": [],
      "content": .array(text.map { [.object(Self.reasoningPart($0))] } ?? []),
    ]
    if let seal, let text { item["encrypted_content"] = .string(seal.seal(text)) }
    item["status"] = .string(status.rawValue)
    return .object(item)
  }

  /// `arguments`: as the client is to see them, JSON text or free text.
  func call(
    _ id: String, _ form: ToolForms.Form, arguments: String, _ place: Int, _ status: Status, isInput: Bool = false
  ) -> JSONValue {
    var item: JSONObject = [
      "id": .string(self.id(form.isCustom ? "ctc" : "fc", place, isInput: isInput)),
      "type": form.isCustom ? "custom_tool_call" : "function_call", "status": .string(status.rawValue),
      "call_id": .string(id), "name": .string(form.name),
    ]
    item[form.isCustom ? "input" : "arguments"] = .string(arguments)
    if let namespace = form.namespace { item["namespace"] = .string(namespace) }
    return .object(item)
  }

  /// What came of a call that the server ran.
  enum CallOutcome: Sendable, Hashable {
    case running
    /// MCP content blocks as JSON text.
    case output(String)
    /// The same, of a call that failed.
    case failedOutput(String)
    /// The call was not made.
    case refused(String)

    /// Texts, and everything else as JSON, a line each.
    fileprivate var text: String? {
      guard case .output(let output) = self else { return nil }
      return Self.blocks(output)?.map { block in
        block["type"] == "text" ? block["text"]?.stringValue ?? "" : block.serialized()
      }.joined(separator: "\n") ?? output
    }

    fileprivate var error: JSONValue {
      let content: [JSONValue]
      switch self {
      case .running, .output: return .null
      case .failedOutput(let output): content = Self.blocks(output) ?? [Self.block(output)]
      case .refused(let reason): content = [Self.block(reason)]
      }
      return ["type": "mcp_tool_execution_error", "content": .array(content)]
    }

    fileprivate var status: String {
      switch self {
      case .running: "in_progress"
      case .output: "completed"
      case .failedOutput, .refused: "failed"
      }
    }

    private static func blocks(_ output: String) -> [JSONValue]? {
      guard let blocks = (try? JSONValue(parsing: output))?.arrayValue,
        blocks.allSatisfy({ $0["type"]?.stringValue != nil })
      else { return nil }
      return blocks
    }

    private static func block(_ text: String) -> JSONValue { ["type": "text", "text": .string(text)] }
  }

  /// A call that the server ran.
  func executedCall(
    name: String, provider: ToolProviderInfo?, arguments: String, _ outcome: CallOutcome, _ place: Int
  ) -> JSONValue {
    [
      "id": .string(id("mcp", place)), "type": "mcp_call", "server_label": .string(forms.label(of: provider)),
      "name": .string(name), "arguments": .string(arguments), "output": .text(outcome.text), "error": outcome.error,
      "status": .string(outcome.status), "approval_request_id": nil,
    ]
  }

  /// What a server offers. `isBeginning`: it is being asked.
  func toolListing(_ listing: ToolListing, _ place: Int, isBeginning: Bool = false) -> JSONValue {
    let tools: [JSONValue] = listing.tools.map { tool in
      [
        "name": .string(tool.name), "description": .text(tool.definition.description),
        "input_schema": tool.definition.parametersJSON.flatMap { try? JSONValue(parsing: $0) } ?? ["type": "object"],
        "annotations": tool.annotationsJSON.flatMap { try? JSONValue(parsing: $0) } ?? .null,
      ]
    }
    return [
      "id": .string(id("mcpl", place)), "type": "mcp_list_tools",
      "server_label": .string(forms.label(of: listing.provider)), "tools": .array(isBeginning ? [] : tools),
      "error": isBeginning ? .null : .text(listing.failure),
    ]
  }

  // MARK: Whole answers

  /// `isCut`: the answer did not come to its own end, so an item at its very end is not whole.
  func output(_ items: [OutputItem], _ logprobs: [[TokenLogprob]], isCut: Bool) -> [JSONValue] {
    var output: [JSONValue] = []
    var messages = 0
    for (index, item) in items.enumerated() {
      let status = isCut && index == items.count - 1 ? Status.incomplete : .completed
      if case .message = item { messages += 1 }
      guard Self.isShown(item) else { continue }
      let place = output.count
      switch item {
      case .reasoning(let text): output.append(reasoning(text, place, status))
      case .message(let text):
        output.append(message(text, messages <= logprobs.count ? logprobs[messages - 1] : [], place, status))
      case .toolCall(let call):
        let ending = CallEnding(call.arguments, forms[call.name], isCut: status == .incomplete)
        output.append(self.call(call.id, forms[call.name], arguments: ending.arguments, place, ending.status))
      case .executedToolCall(let call, let provider, let text, let isError):
        output.append(
          executedCall(
            name: call.name, provider: provider, arguments: call.arguments,
            isError ? .failedOutput(text) : .output(text), place))
      case .invalidToolCall(let invalid):
        output.append(
          executedCall(
            name: invalid.toolName, provider: invalid.provider, arguments: invalid.arguments ?? "",
            .refused(invalid.reason), place))
      case .toolListing(let listing): output.append(toolListing(listing, place))
      }
    }
    return output
  }

  /// There are no empty items, and none for a call of something that does not exist.
  private static func isShown(_ item: OutputItem) -> Bool {
    switch item {
    case .reasoning(let text), .message(let text): !text.isEmpty
    case .toolCall, .executedToolCall, .toolListing: true
    case .invalidToolCall(let invalid): invalid.provider != nil
    }
  }

  /// How a call for the client ends.
  struct CallEnding {
    /// As the client is to see them.
    var arguments: String
    var status: Status

    /// `arguments`: as generated. `isCut`: nothing was generated after them, and not because the model had finished.
    init(_ arguments: String, _ form: ToolForms.Form, isCut: Bool) {
      let isWhole = !isCut || (try? JSONValue(parsing: arguments))?.objectValue != nil
      status = isWhole ? .completed : .incomplete
      if form.isCustom {
        self.arguments = CustomToolInput.text(of: arguments)
      } else {
        self.arguments = arguments.isEmpty && isWhole ? "{}" : arguments
      }
    }
  }
}
