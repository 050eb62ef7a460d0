"""Writes tiny GGUF models that say exactly what a test wants.

    model = TableModel(template=CHATML, controls=["<|im_start|>", "<|im_end|>"], end="<|im_end|>")
    model.script("@weather", '<tool_call>\\n{"name": "weather", "arguments": {"city": "Oslo"}}\\n</tool_call>')
    model.script("</tool_response>", "It rains in Oslo.")
    model.script("@sea", "and the sea ", loop=True)
    model.otherwise("Hello \U0001f600.")
    model.write("table.gguf")

The **last trigger** in the prompt chooses the script: a trigger is any text of two or more characters, found wherever it
stands (a user's message, a tool's result, a tag that the template writes). Without one, `otherwise` speaks. Greedy or
sampled, the script comes out token for token and ends with the end token, or, with `loop`, starts over for ever. A
grammar that forbids the next token of a script makes the model say something else that the grammar allows.

Tokens: every byte of a script is a token of its own (so emojis are split), unless the script is given as a list of
pieces; then a piece of three or more characters becomes one token if no other token has its text. Prompts are read byte
by byte, a space is one token. `controls` become special tokens; a script may contain them as pieces, once per model.
Tokens of scripts are never met in prompts: an answer that comes back as history is read as plain bytes.

How: a llama architecture with one layer. A token's embedding carries the code of its successor, and the output matrix
holds each token's own code, so the next token is the best match. The single attention head looks for triggers: its keys
hold a constant and a slow rotation, by which the nearest trigger wins, its values the script's number, which the output
projection turns into the code of the script's first token. That is weaker than a successor, so it decides only at the
end of the prompt. The feed-forward part is zero. Triggers must be 16 tokens apart to be told apart.
"""
import math
import pathlib

import gguf
import numpy

CHATML = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
CODE, SCRIPTS, HEAD = 384, 64, 64  # widths: code of a token, number of scripts, attention head
WIDTH = 512
TRIGGER, CONSTANT, FILLER = CODE + SCRIPTS, CODE + SCRIPTS + 1, CODE + SCRIPTS + 2  # single dimensions behind code and script
SUCCESSOR, FIRST = 3.0, 1.0  # strength of "what follows me" and of "how the script begins"
SLOW, STILL = 20, 62  # dimensions of the head: the pair that rotates slowly, the pair that does not rotate


class TableModel:
    def __init__(self, template: str | None = CHATML, controls: list[str] = ("<|im_start|>", "<|im_end|>"),
                 end: str = "<|im_end|>", context_length: int = 4096, name: str = "Table Model", seed: int = 1):
        assert end in controls
        self.template, self.context_length, self.name, self.seed = template, context_length, name, seed
        self.texts: list[str] = []
        self.types: list[int] = []
        self.ids: dict[str, int] = {}
        self.successors: dict[int, int] = {}
        self.triggers: dict[int, int] = {}  # trigger token -> script number
        self.firsts: list[int] = []  # first token of each script
        self.copies = 0
        self._token("<unk>", gguf.TokenType.UNKNOWN)
        self.bos = self._token("<s>", gguf.TokenType.CONTROL)
        for byte in range(256):
            self._token(f"<0x{byte:02X}>", gguf.TokenType.BYTE)
        self._token("\u2581", gguf.TokenType.NORMAL)
        self.controls = {text: self._token(text, gguf.TokenType.CONTROL) for text in controls}
        self.end = self.controls[end]
        self.default: int | None = None

    def script(self, trigger: str, text, loop: bool = False):
        """Says `text` (str, bytes, or a list of them) when `trigger` is the last trigger in the prompt.

        A trigger may be one of `controls`. `loop` starts over instead of ending.
        """
        assert len(trigger) >= 2
        token = self.controls.get(trigger)
        if token is None:
            token = self._token(trigger, gguf.TokenType.USER_DEFINED)
        assert token not in self.triggers, f"{trigger!r} has a script already"
        self.triggers[token] = self._add(text, loop)
        return self

    def otherwise(self, text, loop: bool = False):
        """Says `text` when the prompt holds no trigger."""
        assert self.default is None
        self.default = self._add(text, loop)
        return self

    def _token(self, text: str, kind: int) -> int:
        assert text not in self.ids, f"the token {text!r} exists already"
        self.ids[text] = len(self.texts)
        self.texts.append(text)
        self.types.append(int(kind))
        return self.ids[text]

    def _add(self, text, loop: bool) -> int:
        assert len(self.firsts) < SCRIPTS, f"a model holds {SCRIPTS} scripts"
        pieces = [text] if isinstance(text, (str, bytes)) else list(text)
        single = isinstance(text, (str, bytes))
        tokens = [token for piece in pieces for token in self._tokens(piece, whole=not single)]
        assert tokens, "a script says at least one token"
        for token, successor in zip(tokens, tokens[1:] + [tokens[0] if loop else self.end]):
            assert self.successors.setdefault(token, successor) == successor, \
                f"{self.texts[token]!r} is followed by two different tokens: write it as text, not as a piece"
        self.firsts.append(tokens[0])
        return len(self.firsts) - 1

    def _tokens(self, piece: str | bytes, whole: bool) -> list[int]:
        if whole and piece in self.controls:
            return [self.controls[piece]]
        data = piece.encode() if isinstance(piece, str) else piece
        if whole and isinstance(piece, str) and len(piece) >= 3 and "\u2581" not in piece:
            text = piece.replace(" ", "\u2581")
            if text not in self.ids and not text.startswith("<0x"):
                return [self._token(text, gguf.TokenType.NORMAL)]
        made = []
        for byte in data:
            # llama.cpp reads a byte token's value from the two digits only, so the rest makes each copy unique.
            self.copies += 1
            made.append(self._token(f"<0x{byte:02X}>#{self.copies}", gguf.TokenType.BYTE))
        return made

    def write(self, path, pooling: gguf.PoolingType | None = None, shards: int = 1) -> pathlib.Path:
        """Returns the file, or the first of `shards` files named as the field names parts. With a pooling the model is one
        for embeddings."""
        if self.default is None:
            self.otherwise("?")
        path = pathlib.Path(path)
        tensors = self._tensors()
        writer = gguf.GGUFWriter(path, "llama", split_max_tensors=-(-len(tensors) // shards) if shards > 1 else 0)
        writer.add_type(gguf.GGUFType.MODEL)
        writer.add_name(self.name)
        writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
        writer.add_block_count(1)
        writer.add_context_length(self.context_length)
        writer.add_embedding_length(WIDTH)
        writer.add_feed_forward_length(32)
        writer.add_head_count(1)
        writer.add_head_count_kv(1)
        writer.add_key_length(HEAD)
        writer.add_value_length(HEAD)
        writer.add_rope_dimension_count(HEAD)
        # The slow pair turns a quarter circle over the whole context, pair i turns by base^(-2i/HEAD) per token.
        slow = math.pi / 2 / (self.context_length + 1)
        writer.add_rope_freq_base(slow ** (-HEAD / SLOW))
        writer.add_layer_norm_rms_eps(1e-6)
        writer.add_vocab_size(len(self.texts))
        if pooling is not None:
            writer.add_pooling_type(pooling)
        writer.add_tokenizer_model("llama")
        writer.add_token_list(self.texts)
        writer.add_token_scores([0.0] * len(self.texts))
        writer.add_token_types(self.types)
        writer.add_bos_token_id(self.bos)
        writer.add_eos_token_id(self.end)
        writer.add_unk_token_id(0)
        writer.add_add_bos_token(True)
        writer.add_add_space_prefix(False)
        if self.template is not None:
            writer.add_chat_template(self.template)
        for name, data in tensors.items():
            writer.add_tensor(name, data)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        return path if shards == 1 else path.with_name(f"{path.stem}-00001-of-{shards:05}.gguf")

    def _tensors(self) -> dict[str, numpy.ndarray]:
        """Weights; a matrix's row is one output of it."""
        random = numpy.random.default_rng(self.seed)
        count = len(self.texts)
        codes = random.choice([-1.0, 1.0], size=(count, CODE)) / math.sqrt(CODE)  # of length 1, nearly orthogonal

        embedding = numpy.zeros((count, WIDTH))
        embedding[:, CONSTANT] = 1
        for token, successor in self.successors.items():
            embedding[token, :CODE] = SUCCESSOR * codes[successor]
        embedding[:, CODE + self.default] = 1
        for token, script in self.triggers.items():
            embedding[token, CODE + self.default] = 0
            embedding[token, CODE + script] = 1
            embedding[token, TRIGGER] = 1
        # Rows of one length: then normalisation before attention multiplies every row by the same factor, sqrt(WIDTH) / length.
        length = 4.0
        embedding[:, FILLER] = numpy.sqrt(length ** 2 - (embedding ** 2).sum(axis=1))
        factor = math.sqrt(WIDTH) / length

        # score = still - steep * sin(slow * distance) for a trigger, 0 for any other token
        still, steep, key = 2500.0, 2000.0, 32.0
        query_weight, key_weight = numpy.zeros((HEAD, WIDTH)), numpy.zeros((HEAD, WIDTH))
        query_weight[STILL, CONSTANT] = still * math.sqrt(HEAD) / key / factor
        query_weight[SLOW + 1, CONSTANT] = steep * math.sqrt(HEAD) / key / factor
        key_weight[STILL, TRIGGER] = key_weight[SLOW, TRIGGER] = key / factor
        value_weight, output_weight = numpy.zeros((HEAD, WIDTH)), numpy.zeros((WIDTH, HEAD))
        value_weight[:SCRIPTS, CODE:CODE + SCRIPTS] = numpy.eye(SCRIPTS) / factor
        for script, first in enumerate(self.firsts):
            output_weight[:CODE, script] = FIRST * codes[first]

        # A row's length is about 4 after attention too, so a perfect match of strength 1 gets a logit of about 60.
        head = numpy.zeros((count, WIDTH))
        head[:, :CODE] = codes * 60 / factor
        single, half, zeros = numpy.float32, numpy.float16, numpy.zeros
        return {
            "token_embd.weight": embedding.astype(half),
            "output_norm.weight": numpy.ones(WIDTH, single),
            "output.weight": head.astype(half),
            "blk.0.attn_norm.weight": numpy.ones(WIDTH, single),
            "blk.0.attn_q.weight": query_weight.astype(single),
            "blk.0.attn_k.weight": key_weight.astype(single),
            "blk.0.attn_v.weight": value_weight.astype(single),
            "blk.0.attn_output.weight": output_weight.astype(single),
            "blk.0.ffn_norm.weight": numpy.ones(WIDTH, single),
            "blk.0.ffn_gate.weight": zeros((32, WIDTH), single),
            "blk.0.ffn_up.weight": zeros((32, WIDTH), single),
            "blk.0.ffn_down.weight": zeros((WIDTH, 32), single),
        }
