"""Model files from strangers: each bad one is one clean JSON error, and nothing else notices."""
import random
import struct
import time

import pytest

from atelier_server import Server
from table_model import CHATML, TableModel

# A million turns of nothing, a macro that calls itself for ever, a text that doubles, a list of a thousand million numbers.
LOOP = "{% for a in range(2000) %}{% for b in range(2000) %}{% set c = a %}{% endfor %}{% endfor %}"
HUGE = "{% set n = namespace(text='wave ') %}{% for a in range(40) %}{% set n.text = n.text + n.text %}{% endfor %}{{ n.text }}"
DEEP = "{% macro again(n) %}{{ again(n + 1) }}{% endmacro %}{{ again(0) }}"
LIST = "{% for a in range(1000000000) %}{{ a }}{% endfor %}"
NESTED = "{{ " + "(" * 200_000 + "1" + ")" * 200_000 + " }}"
REPEATED = "{{ 'a long wave of the sea ' * 1000000000 }}"
# The same, but only for a message that says so: loading finds nothing.
SPRUNG = "{% if 'spring' in messages[-1]['content'] %}" + LOOP + "{% endif %}" + CHATML


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hostile")
    made = {}
    for name, template in {"loop": LOOP, "huge": HUGE, "deep": DEEP, "list": LIST, "nested": NESTED, "repeated": REPEATED,
                           "sprung": SPRUNG}.items():
        made[name] = TableModel(template=template).otherwise("Hello.").write(folder / f"{name}.gguf").read_bytes()
    made["talker"] = TableModel().otherwise("Hello.").write(folder / "talker.gguf").read_bytes()
    return made


@pytest.fixture(scope="module")
def server(files):
    server = Server(model=False, environment={"ATELIER_JIT_KEEP_LAST_ONLY": "false"})
    whole = files["talker"]
    for name, content in files.items():
        server.add_model(f"zoo/{name}/{name}.gguf", content)
    numbers = random.Random(1)
    place = whole.index(b"general.architecture") + len(b"general.architecture") + 4
    for name, content in {
        "cut": whole[: len(whole) * 3 // 4],
        "renamed": whole.replace(b"blk.0.ffn_up.weight", b"blk.0.ffn_uq.weight"),
        "unknown": whole[:place] + struct.pack("<Q", 5) + b"llamo" + whole[place + 13:],
        # Past the metadata that the list reads.
        "garbled": whole[:-400_000] + numbers.randbytes(400_000),
    }.items():
        server.add_model(f"zoo/{name}/{name}.gguf", content)
    for number in range(12):
        broken = bytearray(whole)
        # Lengths, counts and types of the metadata and the tensor list.
        for _ in range(8):
            broken[numbers.randrange(8, 40_000)] = numbers.choice([0, 1, 0x7F, 0x80, 0xFF])
        server.add_model(f"zoo/odd{number}/odd{number}.gguf", bytes(broken))
    try:
        yield server.start()
    finally:
        server.remove()


def say(server, model: str, text: str = "Hi"):
    return server.post("/api/v1/chat", {"model": model, "input": text, "temperature": 0, "store": False})


def load(server, model: str):
    return server.post("/api/v1/models/load", {"model": model, "context_length": 512})


@pytest.mark.parametrize("name, reason", [("renamed", "corrupt_file"), ("unknown", "unsupported_architecture")])
def test_a_load_says_what_is_wrong(server, name, reason):
    answer = load(server, name)
    error = answer.json()["error"]
    assert answer.status_code == 500 and (error["type"], error["code"]) == ("internal_error", "model_load_failed"), answer.text
    assert error["reason"] == reason
    assert str(server.home) not in answer.text and "llama.cpp" not in answer.text


def test_a_file_that_is_too_short_is_not_listed(server):
    assert load(server, "cut").status_code == 404
    assert "talker" in {model["key"] for model in server.get("/api/v1/models").json()["models"]}


def test_a_missing_part_is_named(fresh, tmp_path):
    server = fresh(model=False)
    first = TableModel().otherwise("Hello.").write(tmp_path / "split.gguf", shards=2)
    for part in sorted(tmp_path.glob("split-*.gguf")):
        server.add_model(f"zoo/split/{part.name}", part)
    server.start()
    assert any("split" in model["key"] for model in server.get("/api/v1/models").json()["models"])
    (server.home / "models/zoo/split" / first.name.replace("00001-of", "00002-of")).unlink()
    answer = server.post("/api/v1/models/load", {"model": "split"})
    # The list may have noticed already.
    assert answer.status_code == 404 or answer.json()["error"]["reason"] == "missing_shard", answer.text


def test_garbage_costs_one_error_each(server):
    names = ["garbled"] + [f"odd{number}" for number in range(12)]
    listed = {model["key"] for model in server.get("/api/v1/models").json()["models"]}
    assert "talker" in listed
    assert say(server, "talker").json()["output"][0]["content"] == "Hello."
    [talker] = server.workers()
    for name in names:
        begun = time.monotonic()
        answer = say(server, name)
        assert answer.headers["content-type"].startswith("application/json") and time.monotonic() - begun < 60
        if answer.status_code != 200:
            assert answer.json()["error"]["message"] and str(server.home) not in answer.text
        assert say(server, "talker").json()["output"][0]["content"] == "Hello."
    assert talker in server.workers(), "another model's engine was affected"


@pytest.mark.parametrize("name", ["loop", "huge", "deep", "list", "nested", "repeated"])
def test_a_hostile_template_does_not_hang_the_load(server, name):
    begun = time.monotonic()
    answer = say(server, name)
    assert answer.status_code in (400, 500), answer.text
    assert answer.json()["error"]["code"] in ("model_load_failed", "template_failed"), answer.text
    assert time.monotonic() - begun < 30
    assert server.get("/api/v1/models").status_code == 200
    assert say(server, "talker").json()["output"][0]["content"] == "Hello."


def test_a_template_that_runs_on_costs_its_own_request_only(server):
    assert say(server, "sprung").json()["output"][0]["content"] == "Hello."
    workers = server.workers()
    begun = time.monotonic()
    answer = say(server, "sprung", "spring now")
    assert answer.status_code == 500 and answer.json()["error"]["code"] == "template_failed", answer.text
    assert time.monotonic() - begun < 20
    assert say(server, "sprung").json()["output"][0]["content"] == "Hello."
    assert server.workers() == workers
