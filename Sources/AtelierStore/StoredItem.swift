import AtelierCore

/// The form of an output item in the database.
struct StoredItem: Codable, Hashable {
  enum Kind: String, Codable {
    case reasoning, message
    case toolCall = "tool_call"
    case executedToolCall = "executed_tool_call"
    case invalidToolCall = "invalid_tool_call"
    case toolListing = "tool_listing"
  }

  struct Provider: Codable, Hashable {
    var plugin: String?
    var serverLabel: String?

    init(_ provider: ToolProviderInfo) {
      switch provider {
      case .plugin(let id): plugin = id
      case .ephemeral(let label): serverLabel = label
      }
    }

    func provider() throws -> ToolProviderInfo {
      if let plugin { return .plugin(id: plugin) }
      guard let serverLabel else { throw StoredFormatError() }
      return .ephemeral(serverLabel: serverLabel)
    }
  }

  struct Tool: Codable, Hashable {
    var name: String
    var description: String?
    var parameters: String?
    var annotations: String?
  }

  var kind: Kind
  var text: String?
  var call: StoredToolCall?
  var provider: Provider?
  var output: String?
  var reason: String?
  var invalid: String?
  var toolName: String?
  var arguments: String?
  var shownName: String?
  /// Of a call that failed.
  var isError: Bool?
  var tools: [Tool]?
  /// Number of the tool loop's round that made the item, where that is not 0.
  var round: Int?

  init(_ item: OutputItem) {
    switch item {
    case .reasoning(let text):
      kind = .reasoning
      self.text = text
    case .message(let text):
      kind = .message
      self.text = text
    case .toolCall(let call):
      kind = .toolCall
      self.call = StoredToolCall(call)
    case .executedToolCall(let call, let provider, let output, let isError):
      kind = .executedToolCall
      self.call = StoredToolCall(call)
      self.provider = provider.map(Provider.init)
      self.output = output
      if isError { self.isError = true }
    case .invalidToolCall(let call):
      kind = .invalidToolCall
      reason = call.reason
      invalid = call.kind.rawValue
      toolName = call.toolName
      arguments = call.arguments
      provider = call.provider.map(Provider.init)
      shownName = call.shownName
    case .toolListing(let listing):
      kind = .toolListing
      provider = Provider(listing.provider)
      reason = listing.failure
      tools = listing.tools.map {
        Tool(
          name: $0.name, description: $0.definition.description, parameters: $0.definition.parametersJSON,
          annotations: $0.annotationsJSON)
      }
    }
  }

  static func items(_ output: [OutputItem], rounds: [Int]) -> [StoredItem] {
    output.enumerated().map { place, item in
      var stored = StoredItem(item)
      let round = rounds.count { $0 <= place }
      if round > 0 { stored.round = round }
      return stored
    }
  }

  /// Where the later rounds begin.
  static func rounds(_ items: [StoredItem]) -> [Int] {
    items.indices.filter { $0 > 0 && items[$0].round ?? 0 > items[$0 - 1].round ?? 0 }
  }

  func item() throws -> OutputItem {
    switch kind {
    case .reasoning: return .reasoning(text ?? "")
    case .message: return .message(text ?? "")
    case .toolCall:
      guard let call else { throw StoredFormatError() }
      return .toolCall(call.call)
    case .executedToolCall:
      guard let call else { throw StoredFormatError() }
      return .executedToolCall(
        call.call, provider: try provider?.provider(), output: output ?? "", isError: isError ?? false)
    case .invalidToolCall:
      guard let kind = invalid.flatMap(InvalidToolCall.Kind.init(rawValue:)) else { throw StoredFormatError() }
      var invalid = InvalidToolCall(
        kind: kind, reason: reason ?? "", toolName: toolName ?? "", arguments: arguments,
        provider: try provider?.provider())
      invalid.shownName = shownName
      return .invalidToolCall(invalid)
    case .toolListing:
      guard let provider else { throw StoredFormatError() }
      let tools = (tools ?? []).map {
        OfferedTool(
          ToolDefinition(name: $0.name, description: $0.description, parametersJSON: $0.parameters),
          annotationsJSON: $0.annotations)
      }
      return .toolListing(ToolListing(provider: try provider.provider(), tools: tools, failure: reason))
    }
  }
}
