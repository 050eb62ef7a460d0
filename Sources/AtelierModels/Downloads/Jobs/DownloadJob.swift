import AtelierCore

/// One download: its files and how far it is.
package struct DownloadJob: Sendable, Hashable {
  package enum State: Sendable, Hashable {
    case queued, running, paused, completed
    case failed(AtelierError)

    var isOpen: Bool { self == .queued || self == .running }
    var isFinished: Bool { if case .failed = self { true } else { self == .completed } }
  }

  /// `job_` and 10 hexadecimal digits.
  package let id: String
  package let repository: RepositoryName
  package var revision: String
  package var files: [DownloadFile]
  package var state: State
  /// Milliseconds since 1970.
  package var startedAt: Int64
  package var completedAt: Int64?
  /// Bytes on disk when it last stopped.
  package var bytesOnDisk: Int64 = 0
  /// What requests name the model by, once it is completed.
  package var modelKey: String?

  package init(
    id: String, repository: RepositoryName, revision: String, files: [DownloadFile], state: State = .queued,
    startedAt: Int64, completedAt: Int64? = nil
  ) {
    self.id = id
    self.repository = repository
    self.revision = revision
    self.files = files
    self.state = state
    self.startedAt = startedAt
    self.completedAt = completedAt
  }

  package static func makeID() -> String { "job_" + RandomText.hexadecimal(10) }

  /// Saturating, whatever the hub says.
  package var totalBytes: Int64 { files.map(\.size).saturatingSum }

  /// As the model file's name tells it.
  var quantization: String? {
    files.lazy.compactMap { ModelFileName($0.localName) }.first { !$0.isProjector }?.quantization
  }

  func isFor(_ repository: RepositoryName, _ files: [DownloadFile]) -> Bool {
    self.repository == repository && Set(self.files.map(\.localName)) == Set(files.map(\.localName))
  }
}
