"""What Codex sends over several turns, and what it needs to read in the answers.

The client below does with a stream what Codex does: it builds its history from `response.output_item.done`, drops ids, keeps
reasoning as it was given, and takes a stream without `response.completed` for a failure.
"""
import json

import httpx
import pytest

import agent_scripts
from agent_scripts import LOOKING, MODEL, PICTURE, SEEN, THANKS, call
from atelier_server import server_sent_events

PATCH = "*** Begin Patch\n*** Update File: test.py\n+assert True\n*** End Patch\n"
SCRIPTS = {
    "@fix": LOOKING + call("exec_command", '{"cmd": "ls"}'),
    "@listing": call("apply_patch", json.dumps({"input": PATCH})),
    "@patched": call("mcp__hub__notify", '{"text": "done"}'),
    "@notified": "The test is fixed.",
    "@view": call("view_image", '{"path": "a.png"}'),
}
IMAGE = {"type": "input_image", "image_url": f"data:image/png;base64,{PICTURE}"}
OUTPUTS = {"exec_command": "README.md test.py @listing", "apply_patch": "Success. @patched here", "notify": "sent @notified now",
           "view_image": [IMAGE]}
EXEC = {"type": "function", "name": "exec_command", "description": "Runs a command.", "strict": False,
        "parameters": {"type": "object", "properties": {"cmd": {"type": "string"}}, "required": ["cmd"]}}
APPLY = {"type": "custom", "name": "apply_patch", "description": "Edits files.",
         "format": {"type": "grammar", "syntax": "lark", "definition": "start: begin_patch hunk+ end_patch"}}
VIEW = {"type": "function", "name": "view_image", "description": "Attaches a local image.", "strict": False,
        "parameters": {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]}}
NOTIFY = {"type": "function", "name": "notify", "parameters": {"type": "object", "properties": {"text": {"type": "string"}}}}
HEADERS = {"session_id": "0199", "conversation_id": "0199", "originator": "codex_cli_rs", "OpenAI-Beta": "responses=experimental",
           "Authorization": "Bearer anything", "Accept": "text/event-stream"}


def namespace(name, *tools):
    return {"type": "namespace", "name": name, "description": "", "tools": list(tools)}


# Since 0.144 all tools come in the input, before they came on the top level.
ADDITIONAL = [namespace("functions", EXEC, APPLY, VIEW), namespace("mcp__hub", NOTIFY)]
TOP_LEVEL = [EXEC, APPLY, VIEW, {"type": "web_search", "external_web_access": False}, {"type": "local_shell"}, {"type": "tool_search"},
             {"type": "image_generation", "output_format": "png"}, namespace("mcp__hub", NOTIFY)]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = agent_scripts.replay_server(tmp_path_factory.mktemp("model"), SCRIPTS)
    try:
        yield server.start()
    finally:
        server.remove()


class Codex:
    def __init__(self, server, additional: bool):
        self.server, self.additional = server, additional
        self.history = [{"type": "message", "role": "developer",
                         "content": [{"type": "input_text", "text": "<permissions>read only</permissions>"}]}]
        if additional:
            self.history.append({"type": "additional_tools", "role": "developer", "tools": ADDITIONAL})
        self.usages = []

    def body(self):
        tools = {} if self.additional else {"tools": TOP_LEVEL}
        return {"model": MODEL, "instructions": "You are a coding agent. " + "Work carefully. " * 20, "input": self.history,
                "tool_choice": "auto", "parallel_tool_calls": False, "reasoning": {"effort": "medium", "summary": "auto"},
                "store": False, "stream": True, "include": ["reasoning.encrypted_content"], "prompt_cache_key": "0199",
                "client_metadata": {"x": "y"}, "text": {"verbosity": "low"}, "temperature": 0} | tools

    def turn(self):
        """One request; the items it brought."""
        with httpx.stream("POST", f"{self.server.url}/v1/responses", json=self.body(), headers=HEADERS, timeout=60) as answer:
            assert answer.status_code == 200, answer.read()
            events = [(name, json.loads(data)) for name, data in server_sent_events(answer.iter_text())]
        assert all(name == data["type"] for name, data in events)
        assert events[0][0] == "response.created" and events[-1][0] == "response.completed", events[-1]
        items = [data["item"] for name, data in events if name == "response.output_item.done"]
        usage = events[-1][1]["response"]["usage"]
        for total in ("input_tokens", "output_tokens", "total_tokens"):
            assert isinstance(usage[total], int)
        assert isinstance(usage["input_tokens_details"]["cached_tokens"], int)
        assert isinstance(usage["output_tokens_details"]["reasoning_tokens"], int)
        self.usages.append(usage)
        for item in items:
            kept = {key: value for key, value in item.items() if key not in ("id", "status")}
            if kept["type"] == "reasoning":
                assert kept["encrypted_content"]
                kept["content"] = None
            self.history.append(kept)
        return items

    def run(self, text, *images):
        """A user's turn up to its last answer; the calls made and the words said at the end."""
        self.history.append({"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}, *images]})
        calls = []
        for _ in range(6):
            items = self.turn()
            made = [item for item in items if item["type"] in ("function_call", "custom_tool_call")]
            if not made:
                return calls, "".join(part["text"] for item in items if item["type"] == "message" for part in item["content"])
            assert len(made) == 1, "parallel_tool_calls is false"
            calls += made
            self.history.append({"type": made[0]["type"] + "_output", "call_id": made[0]["call_id"], "output": OUTPUTS[made[0]["name"]]})
        raise AssertionError("the turn does not end")


def test_start_up(server):
    assert MODEL in [entry["id"] for entry in server.get("/v1/models").json()["data"]]
    warm = server.post("/v1/responses", {"model": MODEL, "input": "", "max_output_tokens": 1})
    assert warm.status_code == 200 and warm.json()["object"] == "response"


@pytest.mark.parametrize("additional", [True, False])
def test_turns_with_calls(server, additional):
    codex = Codex(server, additional)
    calls, text = codex.run("please @fix the test")
    assert text == SCRIPTS["@notified"]
    assert [(call["name"], call.get("namespace")) for call in calls] == [
        ("exec_command", "functions" if additional else None), ("apply_patch", "functions" if additional else None),
        ("notify", "mcp__hub")]
    assert json.loads(calls[0]["arguments"]) == {"cmd": "ls"} and calls[1]["input"] == PATCH
    assert json.loads(calls[2]["arguments"]) == {"text": "done"}
    assert codex.run("many @thanks to you")[1] == THANKS["@thanks"]
    # The history grows at its end only, so each prompt begins with the one before.
    assert len(codex.usages) == 5
    # A picture that the user attaches, then one that a tool brings: both stay in the history.
    assert codex.run("what is on this?", IMAGE) == ([], SEEN)
    calls, text = codex.run("please @view the other one")
    assert [call["name"] for call in calls] == ["view_image"] and text == SEEN
    assert codex.run("many @thanks to you")[1] == THANKS["@thanks"]
    assert len(codex.usages) == 9
    for before, after in zip(codex.usages, codex.usages[1:]):
        assert after["input_tokens"] > before["input_tokens"]
        assert after["input_tokens_details"]["cached_tokens"] >= 0.9 * before["input_tokens"]


def test_a_compacted_history_with_cut_pairs(server):
    codex = Codex(server, True)
    codex.run("please @fix the test")
    kept = [item for item in codex.history if item["type"] not in ("function_call", "reasoning")]
    codex.history = kept
    assert codex.run("many @thanks to you")[1] == THANKS["@thanks"]
    codex.history = [item for item in kept if not item["type"].endswith("_output")]
    assert codex.run("many @thanks again")[1] == THANKS["@thanks"]


def test_an_overflow_is_the_event_that_codex_recovers_from(server):
    codex = Codex(server, True)
    codex.history.append({"type": "message", "role": "user", "content": [{"type": "input_text", "text": "word " * 5000}]})
    with httpx.stream("POST", f"{server.url}/v1/responses", json=codex.body(), headers=HEADERS, timeout=60) as answer:
        assert answer.status_code == 200
        events = [json.loads(data) for _, data in server_sent_events(answer.iter_text())]
    assert events[-1]["type"] == "response.failed"
    assert events[-1]["response"]["error"]["code"] == "context_length_exceeded"


def test_schema_and_tools_together(server):
    codex = Codex(server, True)
    codex.history.append({"type": "message", "role": "user", "content": [{"type": "input_text", "text": "please @fix it"}]})
    schema = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}
    body = codex.body() | {"stream": False, "max_output_tokens": 200,
                           "text": {"format": {"type": "json_schema", "name": "codex_output_schema", "schema": schema, "strict": True}}}
    answer = server.post("/v1/responses", body)
    assert answer.status_code == 200
    assert {item["type"] for item in answer.json()["output"]} <= {"reasoning", "message", "function_call", "custom_tool_call"}
