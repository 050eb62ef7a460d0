import AtelierCore

/// `POST /v1/completions`: text continued without a chat template (openai.md 8).
package enum OpenAICompletions: Dialect {
  package struct Context: DialectContext, Hashable {
    package var isStreaming: Bool
    package var choices: Int
    /// Choices of one prompt: choice `p * samples + j` is the j-th of prompt p.
    package var samples: Int
    /// As asked for; empty when the client left it to the server.
    package var model: String
    package var includesUsage: Bool
    /// The prompts as they are shown before their continuations; empty unless asked for.
    package var echoes: [OpenAIEcho]
    /// Most likely tokens shown beside the chosen one; nil without log probabilities.
    package var topLogprobs: Int?
    package var stamp: ResponseStamp

    package init(
      isStreaming: Bool, choices: Int, samples: Int, model: String, includesUsage: Bool, echoes: [OpenAIEcho],
      topLogprobs: Int?, stamp: ResponseStamp
    ) {
      self.isStreaming = isStreaming
      self.choices = choices
      self.samples = samples
      self.model = model
      self.includesUsage = includesUsage
      self.echoes = echoes
      self.topLogprobs = topLogprobs
      self.stamp = stamp
    }

    /// LM Studio's form: 21 base-36 characters.
    var id: String { "cmpl-" + stamp.token.prefix(21) }

    /// What is shown of the prompt depends on its tokens.
    package var scoresPrompt: Bool { !echoes.isEmpty && (topLogprobs != nil || echoes.contains(.tokens)) }

    /// nil: there is none.
    func echo(_ choice: Int) -> OpenAIEcho? {
      let prompt = choice / max(1, samples)
      return echoes.indices.contains(prompt) ? echoes[prompt] : nil
    }
  }

  package static let keepAliveSeconds = 10

  package static func decode(_ body: JSONValue, stamp: ResponseStamp) throws(AtelierError) -> DecodedRequest<Context> {
    try OpenAICompletionRequest.decode(body, stamp: stamp)
  }

  package static func encoder(for context: Context) -> OpenAICompletionStreamEncoder {
    OpenAICompletionStreamEncoder(context)
  }

  package static func body(of answers: [Answer], in context: Context) -> JSONValue {
    OpenAICompletionResult.body(of: answers, in: context)
  }

  package static func response(to error: AtelierError) -> ErrorResponse {
    OpenAIError.response(to: error, inputField: "prompt")
  }
}
