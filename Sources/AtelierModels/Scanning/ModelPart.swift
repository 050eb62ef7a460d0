import AtelierCore

/// One loadable choice on disk: a file or a full set of shards, with what its first header says.
struct ModelPart {
  /// At least one, in shard order.
  var files: [ModelTree.File]
  var header: GGUFHeader
  var traits: TemplateTraits
  /// Of all files.
  var parameters: Int64
  var expertParameters: Int64

  var isProjector: Bool {
    header.architecture == "clip" || header.type == "mmproj"
      || (files[0].name.isProjector && header.contextLength == nil)
  }

  /// Adapters and vocabularies are no models.
  var isListable: Bool {
    header.architecture != nil && header.tensorCount > 0 && (header.type ?? "model") == "model"
  }

  var kind: ModelKind {
    let architecture = header.architecture ?? ""
    let pools = (header.poolingType ?? 0) > 0
    return pools || architecture.contains("bert") || architecture == "gemma-embedding" || architecture == "t5encoder"
      ? .embedding : .llm
  }

  /// In its own case; the repository's name where the file's says nothing.
  var base: String {
    let base = files[0].name.base
    let meaningless: Set<String> = ["", "model", "ggml-model", "gguf"]
    return meaningless.contains(base.lowercased()) ? ModelFileName.base(ofRepository: files[0].repository) : base
  }

  var key: String { (kind == .embedding ? "text-embedding-" : "") + ModelFileName.key(from: base) }

  var quantizationName: String? {
    files[0].name.quantization ?? header.fileType.flatMap(QuantizationName.name(ofFileType:))
  }

  var sizeBytes: Int64 { files.reduce(0) { $0 + $1.stamp.size } }
}
