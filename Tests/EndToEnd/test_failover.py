"""An answer outlives its engine: killed anywhere, it goes on in the same stream with nothing repeated or lost.

`ATELIER_KILLS` sets how many engines the campaigns kill (`make kills` runs 200 of each), `ATELIER_SEED` where.
"""
import json
import os
import random
import signal
import threading

import openai
import pytest

from atelier_server import KEY, Server, wait_until
from table_model import TableModel

KILLS, SEED = int(os.environ.get("ATELIER_KILLS", "3")), int(os.environ.get("ATELIER_SEED", "0"))
CALL = '<tool_call>\n{"name": "note", "arguments": {"text": "' + "a word and another " * 60 + '"}}\n</tool_call>'
TOOLS = [{"type": "function", "function": {
    "name": "note", "parameters": {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}}}]
STORY = {"input": "Write a long story about the sea.", "store": False}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    model = TableModel()
    model.script("@sea", "".join(f"wave {number} of the sea 🌊 " for number in range(25)))
    model.script("@call", CALL)
    file = model.write(tmp_path_factory.mktemp("model") / "table.gguf")
    server = Server(environment={"ATELIER_ENGINE_MAX_DEATHS": "100000", "ATELIER_JIT_KEEP_LAST_ONLY": "false"})
    server.add_model("tests/table/table.gguf", file)
    try:
        yield server.start()
    finally:
        server.remove()


@pytest.fixture(scope="module")
def client(server):
    return openai.OpenAI(base_url=f"{server.url}/v1", api_key="anything", max_retries=0)


def comparable(events: list[dict]) -> list:
    """What a client sees of a native stream but for times, loads, and how the text is cut into pieces."""
    kinds, text = [], ""
    for event in events:
        if event["type"] == "message.delta":
            text += event["content"]
        elif not event["type"].startswith("model_load.") and event["type"] != "prompt_processing.progress":
            kinds.append(event["type"])
    result = events[-1]["result"]
    stats = {name: value for name, value in result["stats"].items() if not name.endswith(("seconds", "per_second"))}
    return [kinds, text, result["output"], stats]


def killed_at(server, place: int, **body) -> tuple[list[dict], int]:
    """The events of a native stream whose engine is killed once `place` characters of text have come; and how many were killed."""
    events, length, killed = [], 0, []
    for name, data in server.stream(**body):
        events.append(json.loads(data))
        # Of pieces there are fewer the slower they are read.
        length += len(events[-1]["content"]) if events[-1]["type"] == "message.delta" else 0
        if length >= place and not killed:
            killed = server.kill_engines()
    return events, len(killed)


def cold(server):
    """Nothing is loaded. A prompt that is partly in memory is computed in other batches, which are rounded in another way: draws
    that lie close together could differ."""
    server.kill_engines()
    wait_until(lambda: not server.instances(), what="the engines' end")


def campaign(server, seed: int, **body):
    """Kills until `KILLS` answers were interrupted; all are what they are without."""
    server.native_events(**body)
    expected = server.native_events(**body)
    length = len(comparable(expected)[1])
    numbers, interrupted, tries = random.Random(seed + 100 * SEED), 0, 0
    while interrupted < KILLS:
        loads = server.log.count("worker gone")
        events, _ = killed_at(server, numbers.randint(1, max(1, length * 2 // 3)), **body)
        assert comparable(events) == comparable(expected)
        # A kill that comes after the last token interrupts nothing.
        wait_until(lambda: server.log.count("worker gone") > loads, what="the engine's death in the log")
        interrupted += len(server.workers()) > 0
        tries += 1
        assert tries < 5 * KILLS + 10, "the answers are over before they can be interrupted"


def test_exact_texts_killed_at_random_places(server):
    campaign(server, 1, model="table", input="Tell of the @sea now", temperature=0, store=False)


def test_greedy_texts_of_a_real_model_killed_at_random_places(server):
    campaign(server, 2, **STORY, temperature=0, max_output_tokens=80)


def test_a_seeded_answer_is_the_undisturbed_one(server, client):
    body = {"model": KEY, "messages": [{"role": "user", "content": STORY["input"]}], "temperature": 0.9, "seed": 5,
            "max_tokens": 100, "logprobs": True, "top_logprobs": 2, "stream": True, "stream_options": {"include_usage": True}}

    def answer(place: int | None):
        cold(server)
        text, tokens, usage, killed = "", [], None, []
        for chunk in client.chat.completions.create(**body):
            usage = chunk.usage or usage
            if not chunk.choices:
                continue
            text += chunk.choices[0].delta.content or ""
            tokens += chunk.choices[0].logprobs.content if chunk.choices[0].logprobs else []
            if place is not None and len(tokens) >= place and not killed:
                killed = server.kill_engines()
        return text, [(token.token, round(token.logprob, 4), len(token.top_logprobs)) for token in tokens], usage

    expected = answer(None)
    assert len(expected[1]) > 90
    assert answer(30) == expected


def test_an_answer_held_to_a_schema_goes_on_in_its_grammar(server, client):
    schema = {"type": "object", "properties": {"names": {"type": "array", "items": {"type": "string", "maxLength": 12}, "minItems": 8,
                                                         "maxItems": 12}}, "required": ["names"], "additionalProperties": False}
    body = {"model": KEY, "messages": [{"role": "user", "content": "Name ten sailors."}], "temperature": 0.8, "seed": 3,
            "max_tokens": 400, "stream": True,
            "response_format": {"type": "json_schema", "json_schema": {"name": "sailors", "strict": True, "schema": schema}}}

    def answer(kills: bool) -> str:
        cold(server)
        text, killed = "", []
        for chunk in client.chat.completions.create(**body):
            text += chunk.choices[0].delta.content or "" if chunk.choices else ""
            if kills and len(text) > 20 and not killed:
                killed = server.kill_engines()
        return text

    expected = answer(False)
    assert 8 <= len(json.loads(expected)["names"]) <= 12
    assert answer(True) == expected


def test_a_call_goes_on_in_its_arguments(server, client):
    calls, arguments, killed, reason = [], "", [], None
    for chunk in client.chat.completions.create(
            model="table", messages=[{"role": "user", "content": "Please @call now"}], tools=TOOLS, temperature=0, stream=True):
        for choice in chunk.choices:
            reason = choice.finish_reason or reason
            for call in choice.delta.tool_calls or []:
                calls += [call.id] if call.id else []
                arguments += call.function.arguments or ""
        if len(arguments) > 40 and not killed:
            killed = server.kill_engines()
    assert killed and len(calls) == 1 and reason == "tool_calls"
    assert json.loads(arguments) == {"text": "a word and another " * 60}


def test_plain_answers_and_those_that_wait_go_on_too(server):
    """Four run and two wait when the engine is killed."""
    body = {"model": "table", "input": "Tell of the @sea now", "temperature": 0, "store": False}
    expected = server.chat(**body)
    answers = []
    requests = [threading.Thread(target=lambda: answers.append(server.post("/api/v1/chat", body))) for _ in range(6)]
    for request in requests:
        request.start()
    wait_until(lambda: any(entry["queued"] == 6 for entry in server.instances() if entry["identifier"] == "table"), what="six requests")
    server.kill_engines()
    for request in requests:
        request.join(60)
    assert [answer.status_code for answer in answers] == [200] * 6, [answer.text for answer in answers]
    assert {answer.json()["output"][0]["content"] for answer in answers} == {expected["output"][0]["content"]}


def test_a_frozen_engine_is_found_out_and_the_answer_goes_on(fresh):
    server = fresh(environment={"ATELIER_ENGINE_SILENCE_SECONDS": "2"}).start()
    body = STORY | {"temperature": 0, "max_output_tokens": 150}
    expected = server.native_events(**body)
    events, frozen = [], []
    for name, data in server.stream(**body):
        events.append(json.loads(data))
        if events[-1]["type"] == "message.delta" and not frozen:
            frozen = server.kill_engines(signal.SIGSTOP)
    assert comparable(events)[:3] == comparable(expected)[:3]
    assert server.workers() and not set(server.workers()) & set(frozen)
