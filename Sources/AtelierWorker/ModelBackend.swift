import AtelierCore
import AtelierEngine

/// A loaded model inside the worker, apart from its token engine: tokenizer, templates, parsers. Safe to call from several
/// threads at once (llama.cpp's vocabulary is read-only after loading).
package protocol ModelBackend: AnyObject, Sendable {
  var properties: EngineProperties { get }

  /// Makes the runner of a language model. Called once, on the engine's thread, which alone uses it afterwards. Throws
  /// `modelTypeMismatch` on an embedding model.
  func makeRunner() throws(AtelierError) -> any ModelRunner

  /// Makes the runner of an embedding model or reranker; as `makeRunner`. Throws `modelTypeMismatch` on a language model.
  func makePoolingRunner() throws(AtelierError) -> any PoolingRunner

  /// Why a model that should read images does not; nil where there is nothing to say.
  var visionProblem: String? { get }

  /// Applies the chat template and, for an answer, decodes and encodes the images, which may take seconds. Throws
  /// `templateFailed`, `contextLengthExceeded` before any image was decoded, and with `param` `input` `invalidImage`, or
  /// `unsupportedModality` for images without vision.
  func renderPrompt(
    _ request: EngineRequest, messages: [Message], for use: PromptUse
  ) throws(AtelierError) -> RenderedPrompt

  /// What holds an answer without a template to a format. Throws `invalidJSONSchema`.
  func constraint(for format: ResponseFormat) throws(AtelierError) -> GrammarConstraint?

  /// `addSpecial`: begin-of-text and the like as the model's metadata says. `parseSpecial`: special tokens' text in the
  /// input becomes those tokens. With `addSpecial` an empty text is begin-of-text alone, if there is such a token.
  func tokenize(_ text: String, addSpecial: Bool, parseSpecial: Bool) -> [Int32]

  /// The prompt after which the model says what belongs between the texts; nil when it has no tokens for that. Special
  /// tokens' text in the input stays text.
  func infillTokens(prefix: String, suffix: String) -> [Int32]?

  /// The token's bytes; empty for special tokens unless listed in `preserved`.
  func piece(of token: Int32, preserved: Set<Int32>) -> [UInt8]

  /// Whether the vectors of the pooling runner are a classifier's scores of a query and a document.
  var isReranker: Bool { get }

  /// How a reranker joins a query and a document into one input, the document cut to what the model takes. Throws
  /// `contextLengthExceeded` with `param` `query` when the query leaves no room, `modelTypeMismatch` on other models.
  func rankInput(query: String, document: String) throws(AtelierError) -> [Int32]

  /// 0…1: what a reranker's vector of such an input says.
  func rankScore(of vector: [Float]) -> Float
}

extension ModelBackend {
  package var visionProblem: String? { nil }

  package func infillTokens(prefix: String, suffix: String) -> [Int32]? { nil }
}
