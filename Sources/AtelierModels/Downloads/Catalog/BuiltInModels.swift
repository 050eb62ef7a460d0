/// The catalog that comes with the server. A recommended quantization is the one of about four bits, more for models so
/// small that four bits hurt. Sizes in megabytes, with the projector where there is one; `-` where none is certain.
enum BuiltInModels {
  static let all: [CatalogEntry] = table.split(separator: "\n").compactMap { line in
    let words = line.split(separator: " ").map(String.init)
    guard words.count == 5, let repository = RepositoryName(words[1]), let kind = CatalogEntry.Kind(rawValue: words[4])
    else { return nil }
    return CatalogEntry(
      id: words[0], repository: repository, recommended: words[2],
      approximateBytes: Int64(words[3]).map { $0 * 1_000_000 }, kind: kind)
  }

  /// Id, repository, recommended quantization, megabytes, kind.
  static let table = """
    qwen/qwen3-0.6b lmstudio-community/Qwen3-0.6B-GGUF Q8_0 640 llm
    qwen/qwen3-1.7b lmstudio-community/Qwen3-1.7B-GGUF Q4_K_M 1110 llm
    qwen/qwen3-4b lmstudio-community/Qwen3-4B-GGUF Q4_K_M 2500 llm
    qwen/qwen3-4b-2507 lmstudio-community/Qwen3-4B-Instruct-2507-GGUF Q4_K_M 2500 llm
    qwen/qwen3-4b-thinking-2507 lmstudio-community/Qwen3-4B-Thinking-2507-GGUF Q4_K_M 2500 llm
    qwen/qwen3-8b lmstudio-community/Qwen3-8B-GGUF Q4_K_M 5030 llm
    qwen/qwen3-14b lmstudio-community/Qwen3-14B-GGUF Q4_K_M 9000 llm
    qwen/qwen3-32b lmstudio-community/Qwen3-32B-GGUF Q4_K_M 19760 llm
    qwen/qwen3-30b-a3b lmstudio-community/Qwen3-30B-A3B-GGUF Q4_K_M 18630 llm
    qwen/qwen3-coder-30b lmstudio-community/Qwen3-Coder-30B-A3B-Instruct-GGUF Q4_K_M 18630 llm
    qwen/qwen2.5-0.5b-instruct Qwen/Qwen2.5-0.5B-Instruct-GGUF Q4_K_M 490 llm
    qwen/qwen2.5-1.5b-instruct Qwen/Qwen2.5-1.5B-Instruct-GGUF Q4_K_M 1120 llm
    qwen/qwen2.5-7b-instruct lmstudio-community/Qwen2.5-7B-Instruct-GGUF Q4_K_M 4680 llm
    qwen/qwen2.5-coder-7b-instruct lmstudio-community/Qwen2.5-Coder-7B-Instruct-GGUF Q4_K_M 4680 llm
    qwen/qwen2.5-vl-7b lmstudio-community/Qwen2.5-VL-7B-Instruct-GGUF Q4_K_M 6040 vision
    qwen/qwen3-vl-4b lmstudio-community/Qwen3-VL-4B-Instruct-GGUF Q4_K_M - vision
    qwen/qwen3-vl-8b lmstudio-community/Qwen3-VL-8B-Instruct-GGUF Q4_K_M - vision
    google/gemma-3-270m ggml-org/gemma-3-270m-it-GGUF Q8_0 290 llm
    google/gemma-3-1b lmstudio-community/gemma-3-1b-it-GGUF Q4_K_M 810 llm
    google/gemma-3-4b lmstudio-community/gemma-3-4b-it-GGUF Q4_K_M 3340 vision
    google/gemma-3-12b lmstudio-community/gemma-3-12b-it-GGUF Q4_K_M 8150 vision
    google/gemma-3-27b lmstudio-community/gemma-3-27b-it-GGUF Q4_K_M 17400 vision
    meta/llama-3.2-1b lmstudio-community/Llama-3.2-1B-Instruct-GGUF Q4_K_M 810 llm
    meta/llama-3.2-3b lmstudio-community/Llama-3.2-3B-Instruct-GGUF Q4_K_M 2020 llm
    meta/llama-3.1-8b lmstudio-community/Meta-Llama-3.1-8B-Instruct-GGUF Q4_K_M 4920 llm
    meta/llama-3.3-70b lmstudio-community/Llama-3.3-70B-Instruct-GGUF Q4_K_M 42520 llm
    mistralai/mistral-7b-instruct-v0.3 lmstudio-community/Mistral-7B-Instruct-v0.3-GGUF Q4_K_M 4370 llm
    mistralai/mistral-nemo-instruct-2407 lmstudio-community/Mistral-Nemo-Instruct-2407-GGUF Q4_K_M 7480 llm
    mistralai/mistral-small-3.2 lmstudio-community/Mistral-Small-3.2-24B-Instruct-2506-GGUF Q4_K_M 15200 vision
    mistralai/devstral-small-2507 lmstudio-community/Devstral-Small-2507-GGUF Q4_K_M 14330 llm
    openai/gpt-oss-20b lmstudio-community/gpt-oss-20b-GGUF MXFP4 12110 llm
    openai/gpt-oss-120b lmstudio-community/gpt-oss-120b-GGUF MXFP4 63390 llm
    microsoft/phi-4 lmstudio-community/phi-4-GGUF Q4_K_M 9050 llm
    deepseek/deepseek-r1-distill-qwen-7b lmstudio-community/DeepSeek-R1-Distill-Qwen-7B-GGUF Q4_K_M 4680 llm
    deepseek/deepseek-r1-0528-qwen3-8b lmstudio-community/DeepSeek-R1-0528-Qwen3-8B-GGUF Q4_K_M 5030 llm
    ibm/granite-4-h-tiny lmstudio-community/granite-4.0-h-tiny-GGUF Q4_K_M - llm
    ibm/granite-3.3-2b ibm-granite/granite-3.3-2b-instruct-GGUF Q4_K_M 1550 llm
    ibm/granite-3.3-8b ibm-granite/granite-3.3-8b-instruct-GGUF Q4_K_M 4940 llm
    huggingfacetb/smollm2-360m HuggingFaceTB/SmolLM2-360M-Instruct-GGUF Q8_0 390 llm
    huggingfacetb/smollm2-1.7b HuggingFaceTB/SmolLM2-1.7B-Instruct-GGUF Q4_K_M 1060 llm
    huggingfacetb/smollm3-3b ggml-org/SmolLM3-3B-GGUF Q4_K_M 1920 llm
    nomic-ai/nomic-embed-text-v1.5 nomic-ai/nomic-embed-text-v1.5-GGUF Q8_0 150 embedding
    qwen/qwen3-embedding-0.6b Qwen/Qwen3-Embedding-0.6B-GGUF Q8_0 640 embedding
    google/embeddinggemma-300m ggml-org/embeddinggemma-300M-GGUF Q8_0 330 embedding
    baai/bge-small-en-v1.5 CompendiumLabs/bge-small-en-v1.5-gguf Q8_0 37 embedding
    baai/bge-m3 gpustack/bge-m3-GGUF Q8_0 - embedding
    baai/bge-reranker-v2-m3 gpustack/bge-reranker-v2-m3-GGUF Q8_0 - embedding
    """
}
