"""Damaged chat templates: whatever a model file brings along, the server goes on and answers are well-formed.

The seeds are in `templates`. `ATELIER_FUZZ_SECONDS` sets how long it goes on (`make fuzz`), `ATELIER_SEED` where it begins.
"""
import collections
import os
import pathlib
import random
import re
import time

import pytest

from atelier_server import Server
from table_model import TableModel

SEED = int(os.environ.get("ATELIER_SEED", "0"))
SECONDS = float(os.environ.get("ATELIER_FUZZ_SECONDS", "0"))
LEAST = 24
SEEDS = [path.read_text() for path in sorted((pathlib.Path(__file__).parent / "templates").glob("*.jinja"))]
PIECES = [
    "{%", "%}", "{{", "}}", "{#", "#}", "{%-", "-%}", "{% endif %}", "{% endfor %}", "{% else %}", "{% for a in messages %}", "{% if true %}",
    "{% set x = [1] * 100000 %}", "{% macro f(x) %}{{ f(x) }}{% endmacro %}{{ f(1) }}", "(", ")", "[", "]", "[::-1]", "[:-1]", "[99999]",
    "| tojson", "| length", "| list", "| join(',')", "| map(attribute='x')", "| default([])", ".x.y.z", "loop.index0", "loop.previtem",
    "namespace(a=1)", "range(1000000)", "* 1000000000", "% 0", "/ 0", "// 0", "- 9223372036854775808", "'\\u0000'", "'\\'", "is defined",
    "is mapping", "not in", "none", "true", "~", "**kwargs", "caller()", "\x00", "\u2028", "\U0001F600", "é", "<|im_end|>", "<think>", "</think>",
]
BODY = {
    "temperature": 0, "max_tokens": 8,
    "messages": [
        {"role": "system", "content": "Be kind."}, {"role": "user", "content": "What is it?"},
        {"role": "assistant", "content": "<think>\nHm.\n</think>\n\nLet me see.",
         "tool_calls": [{"id": "call_1", "type": "function", "function": {"name": "look", "arguments": "{\"at\": \"it\"}"}}]},
        {"role": "tool", "tool_call_id": "call_1", "content": "A wave."}, {"role": "user", "content": [{"type": "text", "text": "And now?"}]},
    ],
    "tools": [{"type": "function", "function": {
        "name": "look", "description": "Looks", "parameters": {"type": "object", "properties": {"at": {"type": "string"}}, "required": ["at"]}}}],
}


def damaged(numbers: random.Random) -> str:
    """A seed after a few changes: cut, doubled, moved, spliced with another, sprinkled with words of the language."""
    text = numbers.choice(SEEDS)
    for _ in range(numbers.randint(1, 3)):
        start = numbers.randrange(len(text) + 1)
        end = min(len(text), start + numbers.choice([1, 3, 10, 60, 400]))
        match numbers.randrange(6):
            case 0: text = text[:start] + text[end:]
            case 1: text = text[:end] + text[start:]
            case 2: text = text[:start] + numbers.choice(PIECES) + text[start:]
            case 3: text = text[:start] + numbers.choice(PIECES) + text[end:]
            case 4: text = text[:start] + numbers.choice(SEEDS)[start:]
            case 5: text = text[:start] + text[start:end] * numbers.choice([2, 50]) + text[end:]
    return text[:60_000]


@pytest.fixture
def server():
    server = Server(model=False)
    try:
        yield server.start()
    finally:
        server.remove()


def test_template_fuzz(server, tmp_path):
    numbers = random.Random(SEED)
    began, tried, answered, process = time.monotonic(), 0, 0, server.process.pid
    while tried < LEAST or time.monotonic() - began < SECONDS:
        template = SEEDS[tried] if tried < len(SEEDS) else damaged(numbers)
        name = f"fuzz{tried}"
        file = TableModel(template=template).otherwise("Well, well.").write(tmp_path / f"{name}.gguf")
        server.add_model(f"fuzz/{name}/{name}.gguf", file.read_bytes())
        file.unlink()
        for body in (BODY, {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 4}):
            answer = server.post("/v1/chat/completions", {"model": name, **body})
            assert answer.status_code in (200, 400, 500, 503), (template, answer.text)
            reply = answer.json()
            if answer.status_code == 200:
                answered += 1
                assert reply["choices"][0]["message"]["role"] == "assistant", template
            else:
                assert reply["error"]["message"] and reply["error"]["type"], template
                assert str(server.home) not in answer.text and "llama.cpp" not in answer.text, template
        assert server.process.poll() is None and server.process.pid == process, template
        (server.home / "models" / "fuzz" / name / f"{name}.gguf").unlink()
        tried += 1
    # The whole ones at least: what is measured is templates, not a server that refuses all.
    assert answered >= 2 * len(SEEDS)
    assert server.get("/v1/models").status_code == 200
    killed = collections.Counter(re.findall(r"status=(signal \d+).*worker gone", server.log))
    print(f"{tried} templates, {answered} answers, engines ended by signals: {dict(killed)}")
