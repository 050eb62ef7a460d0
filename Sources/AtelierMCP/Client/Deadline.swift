import AtelierCore

/// A limit on how long something may take.
enum Deadline {
  /// Runs it, cancels it at the deadline and then throws `timedOut`. It must end soon after it was cancelled.
  static func within<Value: Sendable>(
    _ limit: Duration, _ clock: any RuntimeClock, _ body: @escaping @Sendable () async throws(MCPError) -> Value
  ) async throws(MCPError) -> Value {
    let result = await withTaskGroup(of: Result<Value, MCPError>?.self) { group in
      group.addTask {
        do throws(MCPError) { return .success(try await body()) } catch { return .failure(error) }
      }
      group.addTask {
        do { try await clock.sleep(until: clock.now + limit) } catch { return nil }
        return .failure(.timedOut)
      }
      defer { group.cancelAll() }
      for await result in group { if let result { return result } }
      return .failure(.cancelled)
    }
    return try result.get()
  }
}
