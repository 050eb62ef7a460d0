import AtelierCore

/// A setting that a `model.yaml` adds to its model (native.md 16.1, `customFields`), with the value in force.
package struct CustomField: Sendable, Hashable {
  package enum Effect: Sendable, Hashable {
    /// The chat template sees the value under that name.
    case templateVariable(String)
    /// Text around the system prompt while the value is true.
    case prependSystemPrompt(String)
    case appendSystemPrompt(String)
  }

  package var key: String
  package var value: JSONValue
  /// What a selection offers; empty for other fields.
  package var options: [String]
  package var effects: [Effect]

  package init(key: String, value: JSONValue, options: [String] = [], effects: [Effect]) {
    self.key = key
    self.value = value
    self.options = options
    self.effects = effects
  }

  /// The template's names for the value.
  package var variables: [String] {
    effects.compactMap { if case .templateVariable(let name) = $0 { name } else { nil } }
  }

  /// The field switches or scales reasoning: its name or its variable's says so.
  private var isAboutReasoning: Bool {
    ([key] + variables).contains { name in
      let name = name.lowercased()
      return name.contains("think") || name.contains("reason")
    }
  }

  private var isSwitch: Bool { value.boolValue != nil && !variables.isEmpty && isAboutReasoning }

  /// The efforts of a selection in the native API's words, as the template writes them.
  private var efforts: [(setting: ReasoningSetting, option: String)] {
    guard !variables.isEmpty, isAboutReasoning else { return [] }
    return options.compactMap { option in ReasoningSetting(rawValue: option.lowercased()).map { ($0, option) } }
  }

  /// The reasoning setting that the fields make up; nil when none is about reasoning.
  package static func reasoning(of fields: [CustomField]) -> ReasoningCapability? {
    let toggle = fields.first(where: \.isSwitch)
    let scale = fields.first { !$0.efforts.isEmpty }
    let efforts = scale?.efforts.map(\.setting) ?? []
    var options = efforts
    if toggle != nil {
      options = [.off] + (efforts.isEmpty ? [.on] : efforts.filter { $0 != .off })
    }
    guard let first = options.first else { return nil }
    if toggle?.value.boolValue == false { return ReasoningCapability(allowedOptions: options, defaultOption: .off) }
    let chosen = scale?.value.stringValue.flatMap { ReasoningSetting(rawValue: $0.lowercased()) }
    return ReasoningCapability(
      allowedOptions: options, defaultOption: chosen ?? (efforts.isEmpty ? .on : efforts.first ?? first))
  }

  /// What the template sees when a request asks for `reasoning`; nil leaves every value as it is.
  package static func templateVariables(of fields: [CustomField], reasoning: ReasoningSetting?) -> JSONObject {
    let toggle = fields.first(where: \.isSwitch)
    let scale = fields.first { !$0.efforts.isEmpty }
    var variables = JSONObject()
    for field in fields {
      var value = field.value
      if let reasoning, field == toggle { value = .bool(reasoning != .off) }
      if let reasoning, field == scale, let effort = field.efforts.first(where: { $0.setting == reasoning }) {
        value = .string(effort.option)
      }
      for name in field.variables { variables[name] = value }
    }
    return variables
  }

  /// The system prompt with what the fields that are switched on put around it; nil when there is nothing at all.
  package static func systemPrompt(_ prompt: String?, with fields: [CustomField]) -> String? {
    var prompt = prompt
    for field in fields where field.value == .bool(true) {
      for effect in field.effects {
        switch effect {
        case .templateVariable: break
        case .prependSystemPrompt(let text): prompt = text + (prompt ?? "")
        case .appendSystemPrompt(let text): prompt = (prompt ?? "") + text
        }
      }
    }
    return prompt
  }
}

extension CustomField {
  /// One entry of `customFields`; nil when it is none or has no effect here.
  init?(_ json: JSONValue) {
    guard let key = json["key"]?.stringValue, !key.isEmpty, key.utf8.count <= 128 else { return nil }
    var options: [String] = []
    for option in (json["options"]?.arrayValue ?? []).prefix(32) {
      if let text = option.stringValue ?? option["value"]?.stringValue { options.append(text) }
    }
    let value: JSONValue
    switch json["type"]?.stringValue {
    case "boolean": value = .bool(json["defaultValue"]?.boolValue ?? false)
    case "string": value = .string(json["defaultValue"]?.stringValue ?? "")
    case "select":
      guard let chosen = json["defaultValue"]?.stringValue ?? options.first else { return nil }
      value = .string(chosen)
    case "number":
      guard let number = json["defaultValue"], number.doubleValue != nil else { return nil }
      value = number
    default: return nil
    }
    let effects = (json["effects"]?.arrayValue ?? []).prefix(16).compactMap { effect -> Effect? in
      let text = effect["content"]?.stringValue.map { String($0.prefix(1 << 16)) }
      switch effect["type"]?.stringValue {
      case "setJinjaVariable":
        guard let name = effect["variable"]?.stringValue, Self.isName(name) else { return nil }
        return .templateVariable(name)
      case "prependSystemPrompt": return text.map { .prependSystemPrompt($0) }
      case "appendSystemPrompt": return text.map { .appendSystemPrompt($0) }
      default: return nil
      }
    }
    self.init(key: key, value: value, options: options, effects: effects)
  }

  private static func isName(_ text: String) -> Bool {
    (1...64).contains(text.utf8.count)
      && text.utf8.allSatisfy { byte in
        (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte) || byte == 0x5F
      }
  }
}
