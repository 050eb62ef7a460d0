/// What became of a request to download.
package enum DownloadAnswer: Sendable, Hashable {
  case alreadyDownloaded
  case job(DownloadStatus)
}
