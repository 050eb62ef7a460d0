import AtelierEngine
import AtelierText

/// A grammar that waits for a trigger, deaf to what comes in a leading block: a call that begins inside reasoning is none.
final class QuietConstraint: TokenConstraint {
  private let grammar: LlamaGrammar
  private let tokenizer: LlamaTokenizer
  private var parser: ReasoningParser
  private var detokenizer = StreamingDetokenizer()
  /// Tokens of which it is not known yet whether they belong to the block.
  private var held: [Int32] = []
  private var isListening = false

  init(_ grammar: LlamaGrammar, block: GrammarConstraint.QuietBlock, tokenizer: LlamaTokenizer) {
    self.grammar = grammar
    self.tokenizer = tokenizer
    parser = ReasoningParser(startTag: block.start, endTags: [block.end], startsInside: block.isOpen)
  }

  func allows(_ token: Int32) -> Bool { isListening ? grammar.allows(token) : true }

  func mask(_ logits: UnsafeMutableBufferPointer<Float>) {
    if isListening { grammar.mask(logits) }
  }

  func accept(_ token: Int32) {
    guard !isListening else { return grammar.accept(token) }
    held.append(token)
    for output in parser.feed(detokenizer.feed(tokenizer.piece(of: token, special: true))) {
      if case .reasoning = output { held.removeAll() } else { isListening = true }
    }
    guard isListening else { return }
    if held.last != token { held.append(token) }
    for token in held { grammar.accept(token) }
    held = []
  }
}
