/// A download job at one moment.
package struct DownloadStatus: Sendable, Hashable {
  package enum State: Sendable, Hashable {
    /// Running, or waiting for its turn.
    case downloading
    /// Stopped by a person or by a restart; asking for the model again goes on.
    case paused
    case completed
    case failed(AtelierError)
  }

  /// `job_` and 10 hexadecimal digits.
  package var id: String
  package var state: State
  /// The repository, `owner/name`.
  package var model: String
  /// What is fetched, as its file name tells it: `Q4_K_M`.
  package var quantization: String?
  /// Waits until others are through; its state is `downloading` all the same, which is all the documented API knows.
  package var isQueued: Bool
  /// What requests name the model by; nil until it is completed.
  package var modelKey: String?
  package var totalBytes: Int64
  package var downloadedBytes: Int64
  /// Average of the last 5 seconds; nil unless downloading.
  package var bytesPerSecond: Double?
  /// Milliseconds since 1970, each.
  package var startedAt: Int64
  package var estimatedCompletion: Int64?
  package var completedAt: Int64?

  package init(
    id: String, state: State, model: String, quantization: String? = nil, isQueued: Bool = false,
    modelKey: String? = nil, totalBytes: Int64, downloadedBytes: Int64, bytesPerSecond: Double? = nil,
    startedAt: Int64, estimatedCompletion: Int64? = nil, completedAt: Int64? = nil
  ) {
    self.id = id
    self.state = state
    self.model = model
    self.quantization = quantization
    self.isQueued = isQueued
    self.modelKey = modelKey
    self.totalBytes = totalBytes
    self.downloadedBytes = downloadedBytes
    self.bytesPerSecond = bytesPerSecond
    self.startedAt = startedAt
    self.estimatedCompletion = estimatedCompletion
    self.completedAt = completedAt
  }
}
