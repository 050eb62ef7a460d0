/// What a client asks to be fetched.
package struct DownloadRequest: Sendable, Hashable {
  /// A catalog id (`publisher/name`, also with `@quantization`) or a link to the hub.
  package var model: String
  /// With links only.
  package var quantization: String?

  package init(model: String, quantization: String? = nil) {
    self.model = model
    self.quantization = quantization
  }
}
