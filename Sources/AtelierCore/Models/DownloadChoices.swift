/// The quantizations of a repository, as somebody chooses among them before a download.
package struct DownloadChoices: Sendable, Hashable {
  package struct Choice: Sendable, Hashable {
    /// nil when the file's name tells none.
    package var quantization: String?
    /// All its files, and the projector where there is one.
    package var sizeBytes: Int64
    /// Names in the repository.
    package var files: [String]
    /// What is taken when none is asked for.
    package var isRecommended: Bool
    package var isDownloaded: Bool

    package init(
      quantization: String?, sizeBytes: Int64, files: [String], isRecommended: Bool = false, isDownloaded: Bool = false
    ) {
      self.quantization = quantization
      self.sizeBytes = sizeBytes
      self.files = files
      self.isRecommended = isRecommended
      self.isDownloaded = isDownloaded
    }
  }

  package var repository: String
  /// At least one, the smallest first.
  package var choices: [Choice]

  package init(repository: String, choices: [Choice]) {
    self.repository = repository
    self.choices = choices
  }
}
