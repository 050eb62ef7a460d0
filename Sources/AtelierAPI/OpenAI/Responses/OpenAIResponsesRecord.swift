import AtelierCore

/// What is kept of a request beside its input, to show the response again: the settings without the tools, which agents send
/// by the dozen with every turn, and how the names of called tools look to the client.
struct OpenAIResponsesRecord {
  private static let version = 1

  var created: Int64
  var model: String
  var settings: JSONObject
  var forms: ToolForms
  var sealsReasoning: Bool
  var customOutputs: Set<String>

  init(_ context: OpenAIResponses.Context, customOutputs: [String]) {
    created = context.stamp.created
    model = context.model
    settings = context.settings
    settings["tools"] = []
    forms = context.forms
    sealsReasoning = context.sealsReasoning
    self.customOutputs = Set(customOutputs)
  }

  var text: String {
    JSONValue.object([
      "version": .integer(Int64(Self.version)), "created_at": .integer(created), "model": .string(model),
      "settings": .object(settings), "forms": forms.json, "sealed": .bool(sealsReasoning),
      "custom_outputs": .array(customOutputs.sorted().map(JSONValue.string)),
      "bare_labels": .array(forms.bareLabels.sorted().map(JSONValue.string)),
    ]).serialized()
  }

  /// The record of a stored turn; of turns of another API what can be said of them.
  init(of turn: StoredTurn) {
    let json = turn.record.flatMap { try? JSONValue(parsing: $0) }
    created = json?["created_at"]?.integerValue.map(Int64.init) ?? turn.completedAt / 1000
    model = json?["model"]?.stringValue ?? turn.modelKey
    settings = json?["settings"]?.objectValue ?? Self.plainSettings(of: turn)
    forms = ToolForms(
      json?["forms"], bareLabels: json?["bare_labels"]?.arrayValue?.compactMap(\.stringValue) ?? [])
    sealsReasoning = json?["sealed"]?.boolValue ?? false
    customOutputs = Set(json?["custom_outputs"]?.arrayValue?.compactMap(\.stringValue) ?? [])
  }

  private static func plainSettings(of turn: StoredTurn) -> JSONObject {
    [
      "instructions": .text(turn.systemPrompt), "max_output_tokens": nil, "max_tool_calls": nil, "metadata": [:],
      "parallel_tool_calls": true, "previous_response_id": .text(turn.previousID),
      "reasoning": ["effort": nil, "summary": nil], "store": true, "temperature": nil,
      "text": ["format": ["type": "text"]], "tool_choice": "auto", "tools": [], "top_p": nil,
      "truncation": "disabled", "user": nil,
    ]
  }
}
