import AtelierCore
import Foundation
import Testing

@testable import AtelierLlama

/// Templates that would run on for ever, written here, so no model is needed.
struct TemplateBudgetTests {
  private static let hostile = [
    "{% for a in range(3000) %}{% for b in range(3000) %}{% set c = a %}{% endfor %}{% endfor %}",
    "{% set n = namespace(t='wave ') %}{% for a in range(40) %}{% set n.t = n.t + n.t %}{% endfor %}{{ n.t }}",
    "{% macro again(n) %}{{ again(n + 1) }}{% endmacro %}{{ again(0) }}",
    "{% for a in range(1000000000) %}{{ a }}{% endfor %}",
    "{{ 'a long wave of the sea ' * 1000000000 }}",
    "{{ " + String(repeating: "(", count: 100_000) + "1" + String(repeating: ")", count: 100_000) + " }}",
    String(repeating: "{% if true %}", count: 50_000) + "x" + String(repeating: "{% endif %}", count: 50_000),
    String(repeating: "a very long template ", count: 100_000),
  ]

  /// Deep for their length, and recursed into without any allocation on the way down.
  private static let deep = [
    "{{ 1" + String(repeating: "+1", count: 60_000) + " }}",
    "{{ " + String(repeating: "-", count: 120_000) + "1 }}",
    "{{ " + String(repeating: "not ", count: 30_000) + "1 }}",
    "{{ 'a'" + String(repeating: "|trim", count: 25_000) + " }}",
    "{{ messages" + String(repeating: ".a", count: 60_000) + " }}",
    "{{ 1" + String(repeating: " if 1 else 2", count: 10_000) + " }}",
    String(repeating: "{% if true %}", count: 4000) + "x" + String(repeating: "{% endif %}", count: 4000),
  ]

  @Test(arguments: deep.indices)
  func deepTemplatesEndOneWayOrTheOther(index: Int) async {
    let source = Self.deep[index]
    #expect(
      await Self.onThread {
        if let template = try? ChatTemplate(source: source) {
          _ = try? template.render(TemplateRequest(messages: [Message(.user, "Hi")]))
        }
        return true
      })
  }

  /// On a thread like those of the worker.
  private static func onThread<Result: Sendable>(_ body: @escaping @Sendable () -> Result) async -> Result {
    await withCheckedContinuation { continuation in
      let thread = Thread { continuation.resume(returning: body()) }
      thread.stackSize = 8 << 20
      thread.start()
    }
  }

  @Test(arguments: hostile.indices)
  func hostileTemplatesEndBeforeTheyAreUsed(index: Int) async {
    let source = Self.hostile[index]
    let (message, elapsed) = await Self.onThread { () -> (String?, Duration) in
      let start = ContinuousClock.now
      do throws(BridgeFailure) {
        _ = try ChatTemplate(source: source)
        return (nil, ContinuousClock.now - start)
      } catch {
        return (error.message, ContinuousClock.now - start)
      }
    }
    #expect(
      message == "the template takes too much time or memory"
        || message == "the template is too long or nested too deeply")
    #expect(elapsed < .seconds(30))
  }

  /// One that is harmless until a message sets it off; afterwards it is as good as before.
  @Test func aRenderingThatExceedsItsBudgetIsAnErrorOfItsOwn() async {
    let source =
      "{% if messages[-1].content == 'spring' %}\(Self.hostile[0])\(Self.hostile[1]){% endif %}{{ messages[-1].content }}"
    let answers = await Self.onThread { () -> [String] in
      guard let template = try? ChatTemplate(source: source) else { return ["no template"] }
      return ["Hi", "spring", "Hi"].map { text in
        do throws(BridgeFailure) {
          return try template.render(TemplateRequest(messages: [Message(.user, text)])).prompt
        } catch {
          return error.message
        }
      }
    }
    #expect(answers == ["Hi", "the template takes too much time or memory", "Hi"])
  }

  @Test func aLongChatIsWithinTheBudget() async throws {
    let messages = (0..<4096).map { Message($0 % 2 == 0 ? .user : .assistant, String(repeating: "word ", count: 200)) }
    let source = ChatTemplateTests.tools
    let length = await Self.onThread { () -> Int? in
      guard let template = try? ChatTemplate(source: source) else { return nil }
      return try? template.render(TemplateRequest(messages: messages)).prompt.utf8.count
    }
    #expect(try #require(length) > 4_000_000)
  }

  /// Far deeper than templates go, and far from the stack's end.
  @Test func aMacroMayCallItself() async {
    let source =
      "{% macro down(n) %}{% if n > 0 %}{{ down(n - 1) }}{% endif %}.{% endmacro %}{{ down(messages[0].content|int) }}"
    let lengths = await Self.onThread { () -> [Int?] in
      guard let template = try? ChatTemplate(source: source) else { return [] }
      return ["0", "64"].map { text in
        try? template.render(TemplateRequest(messages: [Message(.user, text)])).prompt.utf8.count
      }
    }
    #expect(lengths == [1, 65])
  }
}
