"""Required calls and answers to a schema are valid, all of them, on two real models and in every dialect.

`make validity N=200` asks until so many of each have finished; `make test` asks for a few. An answer that the token limit cut
has not finished; what it holds complete must be valid all the same.
"""
import concurrent.futures
import itertools
import json
import os
import pathlib
import subprocess

import httpx
import pytest

from atelier_server import KEY, Server, server_sent_events
from test_schemas import CORPUS, problem_with

WANTED = int(os.environ.get("ATELIER_VALIDITY", 8))
MODELS = {"smollm2": KEY, "gemma": "gemma-3-270m"}
PARALLEL = 8
SCRIPTS = pathlib.Path(__file__).parents[2] / "scripts"
OBJECTS = [entry for entry in CORPUS if entry["schema"].get("type") == "object"]
QUESTIONS = ("Give me a short example.", "What is the weather in Oslo and in Bergen?", "Write down what you know of Ada Lovelace.",
             "Book a table for two on Friday.", "Do it again, and once more.")


@pytest.fixture(scope="module")
def server():
    path = subprocess.run([SCRIPTS / "test-models.sh", "gemma"], check=True, capture_output=True, text=True).stdout
    server = Server()
    server.add_model("google/gemma-3-270m-GGUF/gemma-3-270m.Q4_K_M.gguf", pathlib.Path(path.strip().splitlines()[-1]))
    try:
        yield server.start()
    finally:
        server.remove()


class Call:
    """A required call, of either of two functions, one or several."""

    def __init__(self, number: int):
        self.number = number
        self.schema = OBJECTS[number % len(OBJECTS)]["schema"]
        self.functions = {"record": self.schema, "look_up": {"type": "object", "properties": {"word": {"type": "string"}}, "required": ["word"]}}
        self.question = QUESTIONS[number % len(QUESTIONS)]
        self.several = number % 3 != 0

    def options(self, dialect: str) -> dict:
        tools = [{"name": name, "description": f"A {name}.", "parameters": schema} for name, schema in self.functions.items()]
        if dialect == "messages":
            return {"tools": [{"name": tool["name"], "description": tool["description"], "input_schema": tool["parameters"]} for tool in tools],
                    "tool_choice": {"type": "any", "disable_parallel_tool_use": not self.several}}
        wrapped = [{"type": "function", "function": tool} if dialect.startswith("chat") else {"type": "function", **tool} for tool in tools]
        return {"tools": wrapped, "tool_choice": "required", "parallel_tool_calls": self.several}

    def problem(self, text: str, calls: list[tuple[str, str]], finished: bool) -> str | None:
        if text.strip():
            return f"text before a required call: {text!r}"
        if finished and not calls or not self.several and len(calls) > 1:
            return f"{len(calls)} calls"
        for place, (name, arguments) in enumerate(calls):
            if name not in self.functions:
                return f"no such function: {name}"
            if not finished and place == len(calls) - 1:
                continue  # cut
            if problem := problem_with(arguments, self.functions[name]):
                return problem
        return None


class Answer:
    """An answer that obeys a schema."""

    def __init__(self, number: int):
        self.number = number
        self.schema = CORPUS[number % len(CORPUS)]["schema"]
        self.question = QUESTIONS[number % len(QUESTIONS)] + " Answer in short JSON."

    def options(self, dialect: str) -> dict:
        if dialect == "messages":
            return {"output_config": {"format": {"type": "json_schema", "schema": self.schema}}}
        if dialect == "responses":
            return {"text": {"format": {"type": "json_schema", "name": "x", "schema": self.schema}}}
        return {"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": self.schema}}}

    def problem(self, text: str, calls: list[tuple[str, str]], finished: bool) -> str | None:
        if calls:
            return f"calls: {calls}"
        return problem_with(text, self.schema) if finished else None


def chat(client, body):
    reply = client.post("/v1/chat/completions", json=body)
    assert reply.status_code == 200, reply.text
    choice = reply.json()["choices"][0]
    calls = [(call["function"]["name"], call["function"]["arguments"]) for call in choice["message"].get("tool_calls") or []]
    return choice["message"].get("content") or "", calls, choice["finish_reason"] != "length"


def chat_stream(client, body):
    text, calls, reason = "", {}, None
    with client.stream("POST", "/v1/chat/completions", json=body | {"stream": True}) as reply:
        assert reply.status_code == 200, reply.read()
        for _, data in server_sent_events(reply.iter_text()):
            if data == "[DONE]":
                continue
            chunk = json.loads(data)
            assert "error" not in chunk, data
            choice = chunk["choices"][0]
            text += choice["delta"].get("content") or ""
            reason = choice["finish_reason"] or reason
            for piece in choice["delta"].get("tool_calls") or []:
                name, arguments = calls.get(piece["index"], ("", ""))
                calls[piece["index"]] = (name + piece["function"].get("name", ""), arguments + piece["function"].get("arguments", ""))
    assert list(calls) == list(range(len(calls)))
    return text, list(calls.values()), reason != "length"


def responses(client, body):
    body = {key: value for key, value in body.items() if key not in ("messages", "max_tokens")} | {
        "input": body["messages"], "max_output_tokens": body["max_tokens"], "store": False}
    reply = client.post("/v1/responses", json=body)
    assert reply.status_code == 200, reply.text
    output = reply.json()["output"]
    calls = [(item["name"], item["arguments"]) for item in output if item["type"] == "function_call"]
    text = "".join(part["text"] for item in output if item["type"] == "message" for part in item["content"])
    return text, calls, reply.json()["status"] == "completed"


def messages(client, body):
    reply = client.post("/v1/messages", json=body)
    assert reply.status_code == 200, reply.text
    blocks = reply.json()["content"]
    calls = [(block["name"], json.dumps(block["input"])) for block in blocks if block["type"] == "tool_use"]
    finished = reply.json()["stop_reason"] != "max_tokens"
    if not finished and "tools" in body:
        calls.append(("record", ""))  # the one that was cut, which is left out here
    return "".join(block["text"] for block in blocks if block["type"] == "text"), calls, finished


DIALECTS = {"chat": chat, "chat_stream": chat_stream, "responses": responses, "messages": messages}


@pytest.mark.parametrize("kind", [Call, Answer], ids=["calls", "answers"])
@pytest.mark.parametrize("model", MODELS)
def test_validity(server, model, kind, capsys):
    problems, finished, asked, calls = [], 0, 0, 0
    dialects = itertools.cycle(DIALECTS)

    def ask(case, dialect):
        body = {"model": MODELS[model], "messages": [{"role": "user", "content": case.question}], "max_tokens": 160, "seed": case.number}
        return case, dialect, DIALECTS[dialect](client, body | case.options(dialect))

    with httpx.Client(base_url=server.url, timeout=300) as client, concurrent.futures.ThreadPoolExecutor(PARALLEL) as pool:
        # Some schemas and seeds go on until the limit.
        while finished < WANTED and asked < 2 * WANTED + 8:
            share = max(PARALLEL, WANTED - finished)
            cases = [(kind(number), next(dialects)) for number in range(asked, asked + share)]
            asked += share
            for case, dialect, (text, made, whole) in pool.map(lambda pair: ask(*pair), cases):
                finished += whole
                calls += len(made)
                if problem := case.problem(text, made, whole):
                    problems.append(f"{dialect} {case.number}: {problem}")
    with capsys.disabled():
        if "ATELIER_VALIDITY" in os.environ:
            print(f"\n{model} {kind.__name__.lower()}s: {asked} asked, {finished} finished, {calls} calls, {len(problems)} invalid")
    assert not problems, "\n".join(problems)
    assert finished >= WANTED
