import AtelierCore
import HTTPTypes
import Testing

@testable import AtelierServer

struct BodyBudgetTests {
  private static let small = BodyBudget.always

  @Test func theLimitIsForAllTogether() {
    let budget = BodyBudget(limit: 1000)
    var first: BodyBudget.Share? = BodyBudget.Share(of: budget)
    let second = BodyBudget.Share(of: budget)
    #expect(first?.grow(by: Self.small + 600) == true)
    #expect(second.grow(by: Self.small + 300))
    #expect(second.grow(by: 100))
    #expect(!second.grow(by: 1))
    #expect(first?.grow(by: 1) == false)
    // What was refused was not taken, and what goes makes room.
    first = nil
    #expect(second.grow(by: 600))
    #expect(!second.grow(by: 1))
  }

  @Test func smallBodiesAlwaysFit() {
    let budget = BodyBudget(limit: 1)
    let shares = (0..<100).map { _ in BodyBudget.Share(of: budget) }
    for share in shares {
      for _ in 0..<4 { #expect(share.grow(by: Self.small / 4)) }
    }
    #expect(shares[0].grow(by: 1))
    #expect(!shares[1].grow(by: 1))
  }

  /// A request keeps its room until it is answered.
  @Test func requestsBeyondTheRoomAreToldToComeAgain() async throws {
    let generation = ScriptedGeneration { request in
      request.model == "slow"
        ? Script.opening.map(ScriptedGeneration.Step.event) + [.silence]
        : Script.answer("Hi.").map(ScriptedGeneration.Step.event)
    }
    var harness = Harness(generation)
    harness.settings.maxBodyBytes = 300 << 10
    harness.settings.maxBodiesBytes = 300 << 10
    let responder = harness.responder
    let text = String(repeating: "x", count: 240 << 10)
    func ask(_ model: String, _ text: String) async throws -> RecordingSink {
      try await harness.send(
        .post, "/api/v1/chat", #"{"model":"\#(model)","input":"\#(text)","store":false}"#, responder: responder)
    }
    #expect(try await ask("quick", text).status == 200)
    let slow = Task { [harness] in
      try await harness.send(
        .post, "/api/v1/chat", #"{"model":"slow","input":"\#(text)","store":false}"#, responder: responder)
    }
    while generation.requests.count < 2 { await Task.yield() }
    let refused = try await ask("quick", text)
    #expect(refused.status == 503 && refused.headers[.retryAfter] == "1" && refused.headers[.connection] == "close")
    #expect(try await ask("quick", "Hi").status == 200)
    slow.cancel()
    _ = try? await slow.value
    #expect(try await ask("quick", text).status == 200)
  }
}
