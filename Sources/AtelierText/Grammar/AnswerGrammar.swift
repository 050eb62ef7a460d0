import AtelierCore

/// The grammar of a whole answer, as GBNF text: a block of reasoning if there may be one, then a value that obeys a schema,
/// or calls in `CallMarkup`, or either.
package struct AnswerGrammar: Sendable, Hashable {
  /// The block of reasoning that may come first, or, when it is open already, has to be closed first.
  package struct Reasoning: Sendable, Hashable {
    package var start: String
    package var end: String
    package var isOpen: Bool

    package init(start: String, end: String, isOpen: Bool) {
      self.start = start
      self.end = end
      self.isOpen = isOpen
    }
  }

  package struct Tool: Sendable, Hashable {
    package var name: String
    /// JSON text; nil, or what cannot be compiled, means any object.
    package var parametersJSON: String?

    package init(name: String, parametersJSON: String?) {
      self.name = name
      self.parametersJSON = parametersJSON
    }
  }

  /// JSON text of the schema that the answer has to obey, unless it is a call.
  package var schemaJSON: String?
  package var tools: [Tool]
  package var allowsSeveralCalls: Bool
  package var reasoning: Reasoning?
  /// GBNF text of calls in another format, with the start symbol `root`: one more thing the answer may be.
  package var alternative: String?

  private static let maxCalls = 64

  package init(
    schemaJSON: String? = nil, tools: [Tool] = [], allowsSeveralCalls: Bool = true, reasoning: Reasoning? = nil,
    alternative: String? = nil
  ) {
    self.schemaJSON = schemaJSON
    self.tools = tools
    self.allowsSeveralCalls = allowsSeveralCalls
    self.reasoning = reasoning
    self.alternative = alternative
  }

  /// Throws `invalidJSONSchema` for the answer's schema, never for a tool's.
  package func compiled() throws(AtelierError) -> String {
    var rules = GrammarRules()
    var bodies: [String] = []
    if let schemaJSON {
      bodies.append(try SchemaCompiler.compile(try Self.schema(schemaJSON), into: &rules))
    }
    if !tools.isEmpty { bodies.append(try calls(&rules)) }
    var foreign = ""
    if let alternative {
      let name = try rules.reserve("foreign")
      foreign = Self.renamingRoot(of: alternative, to: name)
      bodies.append(name)
    }
    let body = try rules.add(bodies.joined(separator: " | "), "body")
    var block = ""
    if let reasoning { block = try Self.block(reasoning, &rules) }
    try rules.define("root", block + body)
    return rules.text + foreign
  }

  private static func schema(_ text: String) throws(AtelierError) -> JSONValue {
    do throws(JSONParseError) {
      return try JSONValue(parsing: text)
    } catch {
      throw AtelierError(.invalidJSONSchema, "The schema is not valid JSON: \(error).")
    }
  }

  private func calls(_ rules: inout GrammarRules) throws(AtelierError) -> String {
    var alternatives: [String] = []
    for tool in tools {
      let head = GrammarRules.literal(CallMarkup.head(name: tool.name))
      alternatives.append("\(head) \(try Self.arguments(of: tool, &rules)) \(GrammarRules.literal(CallMarkup.tail))")
    }
    let call = try rules.add(alternatives.joined(separator: " | "), "call")
    guard allowsSeveralCalls else { return call }
    let more = try rules.add("[ \\n]{0,4} \(call)", "calls")
    return try rules.add("\(call) \(GrammarRules.repeated(more, 0, Self.maxCalls - 1))", "calls")
  }

  /// One schema that cannot be compiled must not end every turn of an agent.
  private static func arguments(of tool: Tool, _ rules: inout GrammarRules) throws(AtelierError) -> String {
    let anyObject: JSONValue = ["type": "object"]
    if let text = tool.parametersJSON, let schema = try? JSONValue(parsing: text),
      case .object(var members) = schema
    {
      // Arguments are an object, whether the schema says so or not.
      if members["type"] == nil { members["type"] = "object" }
      if let name = try? SchemaCompiler.compile(.object(members), into: &rules) { return name }
      return try SchemaCompiler.compile(anyObject, into: &rules)
    }
    return try SchemaCompiler.compile(["type": "object", "properties": [:]], into: &rules)
  }

  private static func renamingRoot(of grammar: String, to name: String) -> String {
    grammar.split(separator: "\n", omittingEmptySubsequences: true).map { line in
      line.hasPrefix("root ::=") ? name + line.dropFirst("root".count) : String(line)
    }.joined(separator: "\n")
  }

  private static func block(_ reasoning: Reasoning, _ rules: inout GrammarRules) throws(AtelierError) -> String {
    let text = try rules.add(textWithout(reasoning.end), "thought")
    let rest = "\(text) \(GrammarRules.literal(reasoning.end)) [ \\t\\n]{0,4}"
    if reasoning.isOpen { return try rules.add(rest, "thinking") + " " }
    return try rules.add("\(GrammarRules.literal(reasoning.start)) \(rest)", "thinking") + "? "
  }

  /// Any text in which `end` does not occur, by one alternative per length of its beginning: `[^a] | "a" [^b] | "ab" [^c]`.
  /// After a beginning that was not continued the text goes on; tags do not repeat their first character inside.
  private static func textWithout(_ end: String) -> String {
    let scalars = Array(end.unicodeScalars)
    let alternatives = scalars.indices.map { length in
      let before = String(String.UnicodeScalarView(scalars[..<length]))
      let other = "[^\(GrammarRules.classMember(scalars[length].value))]"
      return before.isEmpty ? other : "\(GrammarRules.literal(before)) \(other)"
    }
    return "(" + alternatives.joined(separator: " | ") + ")*"
  }
}
