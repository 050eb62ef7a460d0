"""Writes a tiny BERT with random weights as GGUF, and computes in numpy what it must answer.

    model = TinyBert(["river", "stone"], pooling=gguf.PoolingType.RANK)
    model.write("tiny.gguf")
    model.score("river", "stone")       # 0…1, as a cross-encoder
    model.vector(model.text("stone"))   # of unit length, with the poolings MEAN and CLS

Every word is one token. A text is `[CLS] words [SEP]`; a query and a document are `[CLS] query [SEP] document`, as
llama.cpp's own server joins them for this kind of vocabulary.
"""
import math
import pathlib

import gguf
import numpy

WIDTH, HEADS, FEED_FORWARD, LAYERS, EPSILON = 64, 2, 128, 2, 1e-12
SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
CLS, SEP = SPECIALS.index("[CLS]"), SPECIALS.index("[SEP]")


class TinyBert:
    def __init__(self, words: list[str], pooling: gguf.PoolingType, context_length: int = 64, seed: int = 1):
        self.words, self.pooling, self.context_length = words, pooling, context_length
        self.ids = {word: len(SPECIALS) + place for place, word in enumerate(words)}
        random = numpy.random.default_rng(seed)
        matrix = lambda rows, columns, scale=1.0: (random.standard_normal((rows, columns)) * scale).astype(numpy.float32)
        vector = lambda size, mean=0.0: (mean + random.standard_normal(size) * 0.1).astype(numpy.float32)
        square = 1 / math.sqrt(WIDTH)
        self.tensors = {
            "token_embd.weight": matrix(len(SPECIALS) + len(words), WIDTH),
            "position_embd.weight": matrix(context_length, WIDTH, 0.3),
            "token_types.weight": matrix(2, WIDTH, 0.3),
            "token_embd_norm.weight": vector(WIDTH, 1), "token_embd_norm.bias": vector(WIDTH),
        }
        for layer in range(LAYERS):
            for name, rows, columns, scale in (
                    # Sharp enough that words look at each other, and not all at all.
                    ("attn_q", WIDTH, WIDTH, 2 * square), ("attn_k", WIDTH, WIDTH, 2 * square),
                    ("attn_v", WIDTH, WIDTH, square), ("attn_output", WIDTH, WIDTH, square),
                    ("ffn_up", FEED_FORWARD, WIDTH, square), ("ffn_down", WIDTH, FEED_FORWARD, 1 / math.sqrt(FEED_FORWARD))):
                self.tensors[f"blk.{layer}.{name}.weight"] = matrix(rows, columns, scale)
                self.tensors[f"blk.{layer}.{name}.bias"] = vector(rows)
            for name in ("attn_output_norm", "layer_output_norm"):
                self.tensors[f"blk.{layer}.{name}.weight"] = vector(WIDTH, 1)
                self.tensors[f"blk.{layer}.{name}.bias"] = vector(WIDTH)
        if pooling == gguf.PoolingType.RANK:
            self.tensors["cls.weight"] = matrix(WIDTH, WIDTH, square)
            self.tensors["cls.bias"] = vector(WIDTH)
            self.tensors["cls.output.weight"] = matrix(1, WIDTH, 2 * square)
            self.tensors["cls.output.bias"] = vector(1)

    def write(self, path) -> pathlib.Path:
        path = pathlib.Path(path)
        writer = gguf.GGUFWriter(path, "bert")
        writer.add_type(gguf.GGUFType.MODEL)
        writer.add_name("Tiny BERT")
        writer.add_file_type(gguf.LlamaFileType.ALL_F32)
        writer.add_block_count(LAYERS)
        writer.add_context_length(self.context_length)
        writer.add_embedding_length(WIDTH)
        writer.add_feed_forward_length(FEED_FORWARD)
        writer.add_head_count(HEADS)
        writer.add_layer_norm_eps(EPSILON)
        writer.add_causal_attention(False)
        writer.add_pooling_type(self.pooling)
        writer.add_tokenizer_model("bert")
        writer.add_token_list(SPECIALS + ["\u2581" + word for word in self.words])
        writer.add_token_types([gguf.TokenType.CONTROL] * len(SPECIALS) + [gguf.TokenType.NORMAL] * len(self.words))
        writer.add_token_type_count(2)
        writer.add_unk_token_id(SPECIALS.index("[UNK]"))
        writer.add_pad_token_id(SPECIALS.index("[PAD]"))
        writer.add_mask_token_id(SPECIALS.index("[MASK]"))
        writer.add_bos_token_id(CLS)
        writer.add_eos_token_id(SEP)
        writer.add_sep_token_id(SEP)
        for name, data in self.tensors.items():
            writer.add_tensor(name, data)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        return path

    def text(self, words: str) -> list[int]:
        return [CLS, *(self.ids[word] for word in words.split()), SEP]

    def pair(self, query: str, document: str) -> list[int]:
        """Cut to the context, at the document's end."""
        tokens = [CLS, *(self.ids[word] for word in query.split()), SEP, *(self.ids[word] for word in document.split())]
        return tokens[:self.context_length]

    def score(self, query: str, document: str) -> float:
        state = self._states(self.pair(query, document))[0]
        inner = numpy.tanh(self._linear("cls", state))
        return float(1 / (1 + numpy.exp(-self._linear("cls.output", inner)[0])))

    def vector(self, tokens: list[int]) -> numpy.ndarray:
        states = self._states(tokens)
        pooled = states.mean(axis=0) if self.pooling == gguf.PoolingType.MEAN else states[0]
        return pooled / numpy.linalg.norm(pooled)

    def _linear(self, name: str, values: numpy.ndarray) -> numpy.ndarray:
        return values @ self.tensors[f"{name}.weight"].T + self.tensors[f"{name}.bias"]

    def _norm(self, name: str, values: numpy.ndarray) -> numpy.ndarray:
        centred = values - values.mean(axis=-1, keepdims=True)
        scaled = centred / numpy.sqrt((centred ** 2).mean(axis=-1, keepdims=True) + EPSILON)
        return scaled * self.tensors[f"{name}.weight"] + self.tensors[f"{name}.bias"]

    def _states(self, tokens: list[int]) -> numpy.ndarray:
        """The last layer's output, a row per token."""
        values = self.tensors["token_embd.weight"][tokens] + self.tensors["position_embd.weight"][:len(tokens)]
        values = self._norm("token_embd_norm", values + self.tensors["token_types.weight"][0])
        for layer in range(LAYERS):
            block = f"blk.{layer}."
            heads = lambda name: self._linear(block + name, values).reshape(len(tokens), HEADS, -1).transpose(1, 0, 2)
            query, key, value = heads("attn_q"), heads("attn_k"), heads("attn_v")
            scores = query @ key.transpose(0, 2, 1) / math.sqrt(WIDTH // HEADS)
            weights = numpy.exp(scores - scores.max(axis=-1, keepdims=True))
            weights /= weights.sum(axis=-1, keepdims=True)
            mixed = (weights @ value).transpose(1, 0, 2).reshape(len(tokens), WIDTH)
            values = self._norm(block + "attn_output_norm", values + self._linear(block + "attn_output", mixed))
            inner = self._linear(block + "ffn_up", values)
            inner = inner / 2 * (1 + numpy.tanh(math.sqrt(2 / math.pi) * (inner + 0.044715 * inner ** 3)))
            values = self._norm(block + "layer_output_norm", values + self._linear(block + "ffn_down", inner))
        return values
