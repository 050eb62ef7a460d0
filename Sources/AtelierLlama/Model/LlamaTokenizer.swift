import CLlama
import CLlamaBridge

/// Text to tokens and back, for one model. Read-only, so any thread may use it.
struct LlamaTokenizer: Sendable {
  private let model: LlamaModel

  init(_ model: LlamaModel) { self.model = model }

  var vocabularySize: Int { Int(llama_vocab_n_tokens(model.vocabulary)) }
  /// Whether the model's metadata asks for begin-of-text and end-of-text around a text.
  var addsBeginning: Bool { llama_vocab_get_add_bos(model.vocabulary) }

  /// The begin-of-text token; nil when the vocabulary has none.
  var beginning: Int32? {
    let token = llama_vocab_bos(model.vocabulary)
    return token >= 0 ? token : nil
  }

  /// Empty when llama.cpp cannot tokenize the text.
  func tokenize(_ text: String, addSpecial: Bool, parseSpecial: Bool) -> [Int32] {
    var text = text
    return text.withUTF8 { bytes in
      guard bytes.count < Int(Int32.max) / 2 else { return [] }
      return bytes.withMemoryRebound(to: CChar.self) { characters in
        // No token spells less than nothing: bytes and the special ones around suffice, else the answer is the need.
        var capacity = bytes.count + 8
        for _ in 0..<2 {
          var count: Int32 = 0
          let tokens = [Int32](unsafeUninitializedCapacity: capacity) { buffer, initialized in
            count = atelier_tokenize(
              model.vocabulary, characters.baseAddress, Int32(characters.count), buffer.baseAddress,
              Int32(capacity), addSpecial, parseSpecial)
            initialized = Int(max(count, 0))
          }
          if count >= 0 { return tokens }
          if count == Int32.min { return [] }
          capacity = Int(-count)
        }
        return []
      }
    }
  }

  /// Prefix, suffix, and the token after which the middle comes: the order that models with these tokens are trained on.
  /// nil when the vocabulary lacks one of them.
  func infill(prefix: String, suffix: String) -> [Int32]? {
    let marks = [
      llama_vocab_fim_pre(model.vocabulary), llama_vocab_fim_suf(model.vocabulary),
      llama_vocab_fim_mid(model.vocabulary),
    ]
    guard marks.allSatisfy({ $0 >= 0 }) else { return nil }
    func plain(_ text: String) -> [Int32] { tokenize(text, addSpecial: false, parseSpecial: false) }
    var tokens: [Int32] = []
    if addsBeginning { tokens += tokenize("", addSpecial: true, parseSpecial: false).prefix(1) }
    tokens.append(marks[0])
    tokens += plain(prefix)
    tokens.append(marks[1])
    tokens += plain(suffix)
    tokens.append(marks[2])
    return tokens
  }

  /// The token's bytes. Special tokens have none unless `special`.
  func piece(of token: Int32, special: Bool) -> [UInt8] {
    guard token >= 0, token < vocabularySize else { return [] }
    var capacity = 32
    for _ in 0..<2 {
      var count: Int32 = 0
      let bytes = [UInt8](unsafeUninitializedCapacity: capacity) { buffer, initialized in
        buffer.withMemoryRebound(to: CChar.self) { characters in
          count = llama_token_to_piece(
            model.vocabulary, token, characters.baseAddress, Int32(characters.count), 0, special)
        }
        initialized = Int(max(count, 0))
      }
      if count >= 0 { return bytes }
      capacity = Int(-count)
    }
    return []
  }

  func isEndOfGeneration(_ token: Int32) -> Bool { llama_vocab_is_eog(model.vocabulary, token) }

  /// The token that the text is on its own, if it is one.
  func singleToken(_ text: String) -> Int32? {
    let tokens = tokenize(text, addSpecial: false, parseSpecial: true)
    return tokens.count == 1 ? tokens[0] : nil
  }

  /// How the tokens are spelled that only a template may write: control tokens. Tokens of other kinds, such as added
  /// words, llama.cpp recognises in any text.
  func controlTokenSpellings() -> [String] {
    (0..<Int32(vocabularySize)).compactMap { token in
      let attributes = llama_vocab_get_attr(model.vocabulary, token).rawValue
      let control = LLAMA_TOKEN_ATTR_CONTROL.rawValue | LLAMA_TOKEN_ATTR_UNKNOWN.rawValue
      guard attributes & control != 0, let text = llama_vocab_get_text(model.vocabulary, token) else { return nil }
      let spelling = String(cString: text)
      return spelling.utf8.count > 1 ? spelling : nil
    }
  }
}
