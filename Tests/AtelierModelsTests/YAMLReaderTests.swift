import AtelierCore
import AtelierModels
import Testing

struct YAMLReaderTests {
  private func read(_ text: String) throws -> JSONValue { try YAMLReader.value(of: text) }

  @Test func readsBlocks() throws {
    let text = """
      # A comment
      ---
      model: qwen/qwen3-8b   # trailing
      base:
        - key: lmstudio-community/qwen3-8b-gguf
          sources:
            - type: huggingface
              user: lmstudio-community
              repo: Qwen3-8B-GGUF
      tags:
      - a
      - "b # c"
      -
        deep: [1, 2.5, {x: true, "y z": null}]
      empty:
      'quoted key': it''s not
      url: http://example.org:80/a#b
      plain: two
        lines
      flow: [
        1,
        2
      ]
      ...
      ignored: true
      """
    #expect(
      try read(text) == [
        "model": "qwen/qwen3-8b",
        "base": [
          [
            "key": "lmstudio-community/qwen3-8b-gguf",
            "sources": [["type": "huggingface", "user": "lmstudio-community", "repo": "Qwen3-8B-GGUF"]],
          ]
        ],
        "tags": ["a", "b # c", ["deep": [1, 2.5, ["x": true, "y z": nil]]]],
        "empty": nil, "quoted key": "it''s not", "url": "http://example.org:80/a#b", "plain": "two lines",
        "flow": [1, 2],
      ])
  }

  private static let scalars: [(String, JSONValue)] = [
    ("~", .null), ("null", .null), ("", .null), ("true", true), ("False", false), ("12", 12), ("-3", -3),
    ("0.50", 0.5), ("1e3", 1000.0), ("1.2.3", "1.2.3"), ("2024-01-02", "2024-01-02"), ("yes", "yes"),
    ("12 apples", "12 apples"),
    ("'12'", "12"), ("'it''s'", "it's"), (#""a\tb\u00e9\"""#, "a\tb\u{e9}\""), ("{}", [:]), ("[]", []), ("[ ]", []),
    ("- a\n- b", ["a", "b"]), ("don't: 'x' # y", ["don't": "x"]), ("0x1F", "0x1F"),
  ]

  @Test(arguments: scalars)
  func readsScalars(text: String, value: JSONValue) throws { #expect(try read(text) == value) }

  @Test func readsBlocksOfText() throws {
    let text = """
      literal: |
        line 1
          # kept

        line 2

      folded: >-
        one
        two

        three
      kept: |+
        a

      last: |-
        {{ x }}
      """
    #expect(
      try read(text) == [
        "literal": "line 1\n  # kept\n\nline 2\n", "folded": "one two\nthree", "kept": "a\n\n", "last": "{{ x }}",
      ])
  }

  @Test(arguments: [
    "a: &anchor 1", "a: *alias", "a: !!str 1", "? complex", "a: 'open", "a: [1, 2", "a: {b 1}", "a: 1\na: 2",
    "a: 1\n   b: 2", "- a\nb: 1", "%YAML 1.2\na: 1", "a: 1\n---\nb: 2", "a:\n\t- b", #"a: "\q""#, "a: [1] 2",
    String(repeating: "- ", count: 40) + "x", String(repeating: "[", count: 40),
    String(repeating: "a\n", count: 200_000),
  ])
  func refusesTheRest(text: String) {
    #expect(throws: YAMLError.self) { try read(text) }
  }

  @Test func namesTheLine() {
    #expect(throws: YAMLError(line: 3, reason: "the key 'a' stands here twice")) { try read("# x\na: 1\na: 2") }
  }
}
