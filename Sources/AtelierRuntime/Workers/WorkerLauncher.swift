import AtelierCore
import AtelierWorkerProtocol
import Logging

/// Makes engines by starting a worker process for each.
package struct WorkerLauncher: EngineLauncher {
  private let executable: String
  private let environment: [String: String]
  private let timing: WorkerTiming
  private let logger: Logger

  /// `executable`: path of the `atelier-worker` binary. `environment` is added to the worker's own few variables.
  package init(
    executable: String, environment: [String: String] = [:], timing: WorkerTiming = WorkerTiming(),
    logger: Logger = Logger(label: "worker")
  ) {
    self.executable = executable
    self.environment = environment
    self.timing = timing
    self.logger = logger
  }

  package func launch(
    _ load: EngineLoad, progress: @escaping @Sendable (Double) -> Void
  ) async throws(AtelierError) -> any InferenceEngine {
    let ends = try WorkerProcess.sockets(logger)
    let process = WorkerProcess(
      executable: executable,
      environment: WorkerProcess.environment.merging(environment) { _, added in added }, socket: ends.1, logger: logger)
    let connection = WorkerConnection(
      channel: FrameChannel(descriptor: ends.0, side: .server), peer: process, timing: timing, logger: logger)
    let properties = try await connection.load(load, progress: progress)
    return WorkerEngine(connection: connection, properties: properties)
  }
}
