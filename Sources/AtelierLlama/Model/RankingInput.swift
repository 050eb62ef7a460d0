import AtelierCore
import CLlama
import Foundation

/// How a reranker is asked about a query and a document, and what its answer means.
///
/// The form is that of llama.cpp's own server: the model's `rerank` template if it has one, else
/// `[begin] query [end] [separator] document [end]` with the tokens that the metadata asks for.
struct RankingInput: Sendable {
  private enum Piece: Hashable {
    case query, document
    case tokens([Int32])
  }

  private let tokenizer: LlamaTokenizer
  private let pieces: [Piece]
  private let maxTokens: Int
  /// The model itself turns its classes into probabilities.
  private let givesProbability: Bool

  init(_ model: LlamaModel, maxTokens: Int) {
    let tokenizer = LlamaTokenizer(model)
    self.tokenizer = tokenizer
    self.maxTokens = maxTokens
    givesProbability = ["qwen3", "qwen3vl"].contains(model.metadata("general.architecture") ?? "")
    if let template = llama_model_chat_template(model.pointer, "rerank") {
      pieces = Self.pieces(of: String(cString: template), tokenizer)
    } else {
      let vocabulary = model.vocabulary
      let separator = llama_vocab_sep(vocabulary)
      let end = llama_vocab_eos(vocabulary) >= 0 ? llama_vocab_eos(vocabulary) : separator
      let ending = llama_vocab_get_add_eos(vocabulary) ? [end] : []
      let known: ([Int32]) -> Piece = { .tokens($0.filter { $0 >= 0 }) }
      // A vocabulary may ask for a token that it does not have.
      pieces = [
        known(llama_vocab_get_add_bos(vocabulary) ? [llama_vocab_bos(vocabulary)] : []), .query,
        known(ending + (llama_vocab_get_add_sep(vocabulary) ? [separator] : [])), .document, known(ending),
      ]
    }
  }

  /// Splits a template at `{query}` and `{document}`, whichever comes first.
  private static func pieces(of template: String, _ tokenizer: LlamaTokenizer) -> [Piece] {
    var pieces: [Piece] = []
    var rest = template[...]
    while !rest.isEmpty {
      let query = rest.firstRange(of: "{query}")
      let document = rest.firstRange(of: "{document}")
      let isQuery = query.map { query in document.map { query.lowerBound < $0.lowerBound } ?? true } ?? false
      let place = isQuery ? query : document
      let text = String(rest[..<(place?.lowerBound ?? rest.endIndex)])
      if !text.isEmpty { pieces.append(.tokens(tokenizer.tokenize(text, addSpecial: false, parseSpecial: true))) }
      guard let place else { break }
      pieces.append(isQuery ? .query : .document)
      rest = rest[place.upperBound...]
    }
    return pieces
  }

  /// The spelling of special tokens in either text stays text. The document is cut at its end if there is no room for all
  /// of it. Throws `contextLengthExceeded` when there is none at all.
  func input(query: String, document: String) throws(AtelierError) -> [Int32] {
    let queryTokens = tokenizer.tokenize(query, addSpecial: false, parseSpecial: false)
    let documentTokens = tokenizer.tokenize(document, addSpecial: false, parseSpecial: false)
    let fixed = pieces.reduce(0) { sum, piece in
      switch piece {
      case .query: sum + queryTokens.count
      case .document: sum
      case .tokens(let tokens): sum + tokens.count
      }
    }
    guard fixed < maxTokens else {
      throw AtelierError(
        .contextLengthExceeded,
        "The query has \(queryTokens.count) tokens, which leaves no room for documents: the model takes at most "
          + "\(maxTokens) tokens. Shorten the query.",
        param: "query",
        details: ["prompt_tokens": .integer(Int64(fixed)), "context_length": .integer(Int64(maxTokens))])
    }
    return pieces.flatMap { piece in
      switch piece {
      case .query: queryTokens
      case .document: Array(documentTokens.prefix(maxTokens - fixed))
      case .tokens(let tokens): tokens
      }
    }
  }

  /// 0…1: the probability of "relevant". A classifier's number is a logit unless the model has made it a probability.
  func score(_ value: Float) -> Float { givesProbability ? value : 1 / (1 + exp(-value)) }
}
