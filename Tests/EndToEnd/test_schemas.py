"""Every finished answer to a JSON schema obeys it: a corpus of schemas against an independent validator."""
import concurrent.futures
import json
import pathlib

import httpx
import jsonschema
import pytest
from jsonschema.validators import validator_for

from atelier_server import KEY

CORPUS = json.loads((pathlib.Path(__file__).parent / "schemas.json").read_text())
MORE_SEEDS = ("openai-calendar", "object-optional", "object-additional-typed", "pattern-color", "format-date-time", "geo")
PARALLEL = 8


def problem_with(text: str, schema) -> str | None:
    try:
        value = json.loads(text)
        kind = validator_for(schema, jsonschema.Draft202012Validator)
        kind(schema, format_checker=kind.FORMAT_CHECKER).validate(value)
    except (ValueError, jsonschema.ValidationError) as error:
        return f"{text!r}: {str(error).splitlines()[0]}"
    return None


def ask(client: httpx.Client, **fields) -> dict:
    response = client.post("/v1/chat/completions", json={
        "model": KEY, "max_tokens": 96, "messages": [{"role": "user", "content": "Give me an example as short JSON."}], **fields})
    assert response.status_code == 200, response.text
    return response.json()["choices"][0]


def answers(server, cases: list[dict]) -> list[dict]:
    """In the order of the cases."""
    with httpx.Client(base_url=server.url, timeout=120) as client:
        ask(client, max_tokens=1)
        with concurrent.futures.ThreadPoolExecutor(PARALLEL) as pool:
            return list(pool.map(lambda case: ask(client, **case), cases))


def test_the_corpus_is_a_corpus():
    assert len(CORPUS) >= 100
    assert len({entry["name"] for entry in CORPUS}) == len(CORPUS)


def test_finished_answers_obey_their_schema(server):
    cases = [(entry, 1) for entry in CORPUS] + [(entry, seed) for entry in CORPUS if entry["name"] in MORE_SEEDS for seed in (2, 3)]
    choices = answers(server, [
        {"seed": seed, "max_tokens": 64, "response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": entry["schema"]}}}
        for entry, seed in cases])
    finished = [(entry, choice) for (entry, _), choice in zip(cases, choices) if choice["finish_reason"] == "stop"]
    problems = [f"{entry['name']}: {problem}" for entry, choice in finished
                if (problem := problem_with(choice["message"]["content"], entry["schema"]))]
    assert not problems, "\n".join(problems)
    # Recursive and open schemas may go on until the limit.
    assert len(finished) >= 0.8 * len(cases)


def test_json_object(server):
    for choice in answers(server, [{"seed": seed, "max_tokens": 48, "response_format": {"type": "json_object"}} for seed in range(2)]):
        if choice["finish_reason"] == "stop":
            assert isinstance(json.loads(choice["message"]["content"]), dict)
        assert choice["message"]["content"].startswith("{")


def tool(name: str, schema) -> dict:
    return {"type": "function", "function": {"name": name, "description": f"Takes a {name}.", "parameters": schema}}


@pytest.mark.parametrize("choice, start", [("required", 0), ({"type": "function", "function": {"name": "record"}}, 1)], ids=["required", "named"])
def test_forced_calls_parse_and_obey_their_schema(server, choice, start):
    # Each schema is a prompt of its own, so each choice gets a third of them.
    entries = [entry for entry in CORPUS if entry["schema"].get("type") == "object"][start::3]
    replies = answers(server, [
        {"seed": 1, "tool_choice": choice, "parallel_tool_calls": False,
         "tools": [tool("record", entry["schema"]), tool("other", {"type": "object", "properties": {}})]} for entry in entries])
    finished = 0
    for entry, reply in zip(entries, replies):
        assert not reply["message"].get("content"), reply
        calls = reply["message"].get("tool_calls") or []
        if reply["finish_reason"] == "length":
            continue
        finished += 1
        assert reply["finish_reason"] == "tool_calls"
        assert len(calls) == 1
        function = calls[0]["function"]
        if function["name"] == "record":
            assert problem_with(function["arguments"], entry["schema"]) is None, entry["name"]
        else:
            assert choice == "required" and json.loads(function["arguments"]) == {}
    assert finished >= 0.8 * len(entries)


def test_a_schema_beside_free_tools_allows_either(server):
    schema = {"type": "object", "properties": {"answer": {"type": "integer", "minimum": 0, "maximum": 9}}, "required": ["answer"]}
    replies = answers(server, [
        {"seed": seed, "tools": [tool("record", schema)],
         "response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}} for seed in range(3)])
    for reply in replies:
        calls = reply["message"].get("tool_calls")
        text = calls[0]["function"]["arguments"] if calls else reply["message"]["content"]
        assert problem_with(text, schema) is None


def test_a_conversation_with_calls_renders(server):
    reply = answers(server, [{"max_tokens": 8, "messages": [
        {"role": "user", "content": "What time is it?"},
        {"role": "assistant", "content": None, "tool_calls": [
            {"id": "call_1", "type": "function", "function": {"name": "record", "arguments": "{}"}}]},
        {"role": "tool", "tool_call_id": "call_1", "content": "12:00"}], "tools": [tool("record", {"type": "object"})]}])[0]
    assert reply["finish_reason"] in ("stop", "length", "tool_calls")


@pytest.mark.parametrize("schema", [
    {"type": "string", "pattern": "(?=a)b"}, {"$ref": "https://example.com/x"}, {"type": "integer", "minimum": 2, "maximum": 1},
    {"type": "array", "items": {"type": "string"}, "minItems": 5000}])
def test_schemas_that_cannot_be_held_are_refused(server, schema):
    response = httpx.post(f"{server.url}/v1/chat/completions", timeout=60, json={
        "model": KEY, "messages": [{"role": "user", "content": "x"}],
        "response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}})
    assert response.status_code == 400
    assert response.json()["error"]["code"] == "invalid_json_schema"
