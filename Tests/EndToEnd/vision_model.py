"""Writes tiny models that read images, each as two files: the text model and the projector (mmproj) beside it.

    model = ColourModel().see("red", "I see red.").see("blue", "I see blue.").otherwise("I see nothing.")
    model.write("folder/colours.gguf")
    model.write_projector("folder/mmproj-colours.gguf")

**A colour model** is a table model (`table_model.py`) for which an image is a trigger: a square picture all of one pure
colour chooses that colour's script (others are padded with grey, which makes a weaker trigger). The projector (llava's, 4 rows an image) takes the mean of each quarter, a unit per colour
answers to that colour alone, and each quarter becomes the row that a trigger of that script would be.

**A random model** has random weights and two layers, so that every row and every position matters: its logits are compared
with those that llama.cpp's own helper computes. One of each way in which images stand in a prompt: rows like tokens (`mlp`),
rows that see each other (`gemma3`), rows in a grid, M-RoPE (`qwen2vl`).

    python vision_model.py FOLDER    writes FOLDER/KIND/model.gguf and FOLDER/KIND/mmproj.gguf of each
"""
import math
import pathlib
import struct
import sys
import zlib

import gguf
import numpy

from table_model import CODE, CONSTANT, FILLER, TRIGGER, WIDTH, TableModel

COLOURS = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255), "white": (255, 255, 255), "black": (0, 0, 0)}
KINDS = ("mlp", "gemma3", "qwen2vl")
ROWS = 4  # of an image, for a colour model


def png(width: int, height: int, pixel=(255, 0, 0)) -> bytes:
    """An image file: all of one colour, or `pixel(x, y)` gives each one's."""
    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    if callable(pixel):
        rows = b"".join(b"\0" + b"".join(bytes(pixel(x, y)) for x in range(width)) for y in range(height))
    else:
        rows = (b"\0" + bytes(pixel) * width) * height
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


class ColourModel(TableModel):
    def __init__(self, **options):
        super().__init__(**{"name": "Colour Model"} | options)
        self.colours: dict[str, int] = {}  # colour -> script number

    def see(self, colour: str, text):
        """Says `text` when an image all of that colour is the last trigger in the prompt."""
        self.colours[colour] = self._add(text, False)
        return self

    def write_projector(self, path) -> pathlib.Path:
        width, steep = 32, 8.0
        count = len(self.colours)
        patches = numpy.zeros((width, 3, 14, 14))
        for channel in range(3):
            patches[channel, channel] = 1 / (14 * 14)
        # A unit's input is 1 for its own colour, the channels being -1 or 1, and -1 or less for any other pure one.
        units, unit_bias = numpy.zeros((count, width)), numpy.full(count, -2 * steep)
        rows, row_bias = numpy.zeros((WIDTH, count)), numpy.zeros(WIDTH)
        row_bias[CONSTANT], row_bias[FILLER] = 1, math.sqrt(13)
        for unit, (colour, script) in enumerate(self.colours.items()):
            units[unit, :3] = [steep * (value / 127.5 - 1) for value in COLOURS[colour]]
            rows[CODE + script, unit] = rows[TRIGGER, unit] = 1 / steep
        writer = _projector(path, "mlp", width=width, layers=1, image=28, patch=14, projection=WIDTH)
        tensors = {
            "v.patch_embd.weight": patches, "v.position_embd.weight": numpy.zeros((ROWS, width)),
            # The last layer is left out by this projector, so these are never used.
            "v.blk.0.attn_out.weight": numpy.zeros((width, width)),
            "v.blk.0.ffn_up.weight": numpy.zeros((2 * width, width)),
            "v.blk.0.ffn_down.weight": numpy.zeros((width, 2 * width)),
            "mm.0.weight": units, "mm.0.bias": unit_bias, "mm.2.weight": rows, "mm.2.bias": row_bias,
        }
        return _finish(writer, path, tensors)


def write_random(folder, kind: str, context_length: int = 1024) -> pathlib.Path:
    """Writes `model.gguf` and `mmproj.gguf` into the folder; returns it."""
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    random = numpy.random.default_rng(KINDS.index(kind) + 7)
    _random_text(folder / "model.gguf", kind, random, context_length)
    _random_projector(folder / "mmproj.gguf", kind, random)
    return folder


TEXT_WIDTH = 64


def _random_text(path: pathlib.Path, kind: str, random, context_length: int):
    architecture = "qwen2vl" if kind == "qwen2vl" else "llama"
    words = TableModel(controls=["<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>",
                                 "<start_of_image>", "<end_of_image>"])
    width, heads, layers, forward = TEXT_WIDTH, 2, 2, 96
    writer = gguf.GGUFWriter(path, architecture)
    writer.add_type(gguf.GGUFType.MODEL)
    writer.add_name(f"Random {kind}")
    writer.add_block_count(layers)
    writer.add_context_length(context_length)
    writer.add_embedding_length(width)
    writer.add_feed_forward_length(forward)
    writer.add_head_count(heads)
    writer.add_head_count_kv(heads)
    writer.add_rope_dimension_count(width // heads)
    writer.add_rope_freq_base(10000.0)
    if architecture == "qwen2vl":
        writer.add_rope_dimension_sections([8, 4, 4, 0])
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_vocab_size(len(words.texts))
    writer.add_tokenizer_model("llama")
    writer.add_token_list(words.texts)
    writer.add_token_scores([0.0] * len(words.texts))
    writer.add_token_types(words.types)
    writer.add_bos_token_id(words.bos)
    writer.add_eos_token_id(words.end)
    writer.add_unk_token_id(0)
    writer.add_add_bos_token(True)
    writer.add_add_space_prefix(False)
    writer.add_chat_template(words.template)

    def weight(*shape, scale=None):
        return random.normal(size=shape) * (scale or 1 / math.sqrt(shape[-1]))

    tensors = {"token_embd.weight": weight(len(words.texts), width, scale=1),
               "output_norm.weight": numpy.ones(width), "output.weight": weight(len(words.texts), width, scale=0.5)}
    for layer in range(layers):
        tensors |= {f"blk.{layer}.{name}.weight": numpy.ones(width) for name in ("attn_norm", "ffn_norm")}
        tensors |= {f"blk.{layer}.attn_{name}.weight": weight(width, width, scale=0.25) for name in ("q", "k", "v", "output")}
        tensors |= {f"blk.{layer}.ffn_{name}.weight": weight(forward, width) for name in ("gate", "up")}
        tensors[f"blk.{layer}.ffn_down.weight"] = weight(width, forward)
        if architecture == "qwen2vl":
            tensors |= {f"blk.{layer}.attn_{name}.bias": weight(width, scale=0.1) for name in ("q", "k", "v")}
    _finish(writer, path, tensors)


def _random_projector(path: pathlib.Path, kind: str, random):
    width, forward = 64, 96
    image, patch = (112, 7) if kind == "gemma3" else (56, 14)
    # llava's projector leaves out the last layer.
    layers = 3 if kind == "mlp" else 2
    name = "qwen2vl_merger" if kind == "qwen2vl" else kind
    writer = _projector(path, name, width=width, layers=layers, image=image, patch=patch, projection=TEXT_WIDTH, forward=forward)

    def weight(*shape):
        return random.normal(size=shape) / math.sqrt(shape[-1])

    tensors = {"v.patch_embd.weight": weight(width, 3, patch, patch)}
    if kind == "qwen2vl":
        tensors["v.patch_embd.weight.1"] = weight(width, 3, patch, patch)
    else:
        tensors["v.position_embd.weight"] = weight((image // patch) ** 2, width)
    for layer in range(layers):
        block = f"v.blk.{layer}"
        for part in ("attn_q", "attn_k", "attn_v", "attn_out"):
            tensors |= {f"{block}.{part}.weight": weight(width, width), f"{block}.{part}.bias": weight(width)}
        for part in ("ln1", "ln2"):
            tensors |= {f"{block}.{part}.weight": numpy.ones(width), f"{block}.{part}.bias": numpy.zeros(width)}
        tensors |= {f"{block}.ffn_up.weight": weight(forward, width), f"{block}.ffn_up.bias": weight(forward),
                    f"{block}.ffn_down.weight": weight(width, forward), f"{block}.ffn_down.bias": weight(width)}
    tensors |= {"v.post_ln.weight": numpy.ones(width), "v.post_ln.bias": numpy.zeros(width)}
    if kind == "gemma3":
        tensors |= {"mm.input_projection.weight": weight(width, TEXT_WIDTH), "mm.soft_emb_norm.weight": numpy.ones(width)}
    else:
        inner = width * 4 if kind == "qwen2vl" else width
        tensors |= {"mm.0.weight": weight(inner, inner), "mm.0.bias": weight(inner),
                    "mm.2.weight": weight(TEXT_WIDTH, inner), "mm.2.bias": weight(TEXT_WIDTH)}
    _finish(writer, path, tensors)


def _projector(path, kind: str, *, width: int, layers: int, image: int, patch: int, projection: int, forward: int | None = None):
    writer = gguf.GGUFWriter(path, "clip")
    writer.add_string("general.type", "mmproj")
    writer.add_string("clip.projector_type", kind)
    writer.add_bool("clip.has_vision_encoder", True)
    writer.add_bool("clip.use_gelu", True)
    for key, value in {"embedding_length": width, "feed_forward_length": forward or 2 * width, "block_count": layers,
                       "projection_dim": projection, "attention.head_count": 2, "image_size": image,
                       "patch_size": patch}.items():
        writer.add_uint32(f"clip.vision.{key}", value)
    writer.add_float32("clip.vision.attention.layer_norm_epsilon", 1e-6)
    for key in ("image_mean", "image_std"):
        writer.add_array(f"clip.vision.{key}", [0.5, 0.5, 0.5])
    return writer


def _finish(writer, path, tensors: dict[str, numpy.ndarray]) -> pathlib.Path:
    for name, data in tensors.items():
        writer.add_tensor(name, data.astype(numpy.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return pathlib.Path(path)


if __name__ == "__main__":
    for kind in KINDS:
        write_random(pathlib.Path(sys.argv[1]) / kind, kind)
