"""What Claude Code sends over several turns, and what it needs to read in the answers (raw requests, not the SDK's)."""
import concurrent.futures
import json

import httpx
import pytest

import agent_scripts
from agent_scripts import LOOKING, MODEL, PICTURE, SEEN, THANKS, call
from atelier_server import server_sent_events

SCRIPTS = {
    "@list": LOOKING + call("Bash", '{"command": "ls"}'),
    "@files": call("Read", '{"file_path": "/a.txt"}') + "\n" + call("Read", '{"file_path": "/b.txt"}'),
    "@contents": "Both files are empty.",
    "@title": "A short title",
    "@view": call("Read", '{"file_path": "/a.png"}'),
}
IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PICTURE}}
HEADERS = {"x-api-key": "anything", "anthropic-version": "2023-06-01", "x-app": "cli", "X-Claude-Code-Session-Id": "s",
           "anthropic-beta": "claude-code-20250219,interleaved-thinking-2025-05-14,context-management-2025-06-27"}


def tool(name, field):
    return {"name": name, "description": f"{name}s.", "eager_input_streaming": True,
            "input_schema": {"$schema": "http://json-schema.org/draft-07/schema#", "type": "object",
                             "properties": {field: {"type": "string"}}, "required": [field], "additionalProperties": False}}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = agent_scripts.replay_server(tmp_path_factory.mktemp("model"), SCRIPTS)
    try:
        yield server.start()
    finally:
        server.remove()


def output_of(made):
    """What the tool of a call says: a picture is read as one."""
    if made["name"] == "Bash":
        return "a.txt b.txt @files"
    return [IMAGE] if made["input"]["file_path"].endswith(".png") else "(empty) @contents"


class ClaudeCode:
    def __init__(self, server):
        self.server = server
        self.messages = []
        self.requests = 0
        self.usages = []

    def body(self):
        self.requests += 1
        system = [
            {"type": "text", "text": f"x-anthropic-billing-header: cc_version=2.1.0.a1b; cc_entrypoint=cli; cch={self.requests * 7919:05x};"},
            {"type": "text", "text": "You are a CLI agent. " + "Work carefully. " * 20, "cache_control": {"type": "ephemeral"}}]
        return {"model": MODEL, "max_tokens": 32000, "stream": True, "system": system, "messages": self.messages,
                "tools": [tool("Bash", "command"), tool("Read", "file_path"), {"type": "web_search_20250305", "name": "web_search"}],
                "thinking": {"type": "adaptive"}, "output_config": {"effort": "medium"}, "temperature": 1,
                "context_management": {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]},
                "metadata": {"user_id": "user_x"}}

    def turn(self):
        """One request; the content it brought."""
        body = self.body()
        with httpx.stream("POST", f"{self.server.url}/v1/messages?beta=true", json=body, headers=HEADERS, timeout=60) as answer:
            assert answer.status_code == 200, answer.read()
            assert answer.headers["request-id"].startswith("req_")
            events = [(name, json.loads(data)) for name, data in server_sent_events(answer.iter_text())]
        assert all(name == data["type"] for name, data in events)
        assert events[0][0] == "message_start" and events[-1][0] == "message_stop"
        content, texts = [], []
        for name, data in events:
            if name == "content_block_start":
                assert data["index"] == len(content)
                content.append(dict(data["content_block"]))
                texts.append("")
            elif name == "content_block_delta":
                delta = data["delta"]
                if delta["type"] == "signature_delta":
                    content[-1]["signature"] = delta["signature"]
                else:
                    texts[-1] += delta.get("text", delta.get("thinking", delta.get("partial_json", "")))
        for block, text in zip(content, texts):
            if block["type"] == "tool_use":
                block["input"] = json.loads(text)
            else:
                block[block["type"]] = text
        last = next(data for name, data in reversed(events) if name == "message_delta")
        usage = last["usage"]
        prompt = usage["input_tokens"] + usage["cache_creation_input_tokens"] + usage["cache_read_input_tokens"]
        self.usages.append((prompt, usage["cache_read_input_tokens"]))
        counted = self.server.post("/v1/messages/count_tokens?beta=true", {k: v for k, v in body.items() if k != "max_tokens"})
        assert counted.json() == {"input_tokens": prompt}
        self.messages.append({"role": "assistant", "content": content})
        calls = [block for block in content if block["type"] == "tool_use"]
        assert last["delta"]["stop_reason"] == ("tool_use" if calls else "end_turn")
        return content, calls

    def run(self, text, *images):
        """A user's turn up to its last answer; the calls made and the words said at the end."""
        self.messages.append({"role": "user", "content": [
            {"type": "text", "text": "<system-reminder>Today is a day.</system-reminder>"}, *images,
            {"type": "text", "text": text, "cache_control": {"type": "ephemeral"}}]})
        if len(self.messages) == 1:
            self.messages.append({"role": "system", "content": "Available agent types: none"})
        made = []
        for _ in range(6):
            content, calls = self.turn()
            if not calls:
                return made, "".join(block["text"] for block in content if block["type"] == "text")
            made += calls
            self.messages.append({"role": "user", "content": [
                *[{"type": "tool_result", "tool_use_id": call["id"], "content": output_of(call), "is_error": False,
                   "cache_control": {"type": "ephemeral"}} for call in calls],
                {"type": "text", "text": "<system-reminder>Be brief.</system-reminder>"}]})
        raise AssertionError("the turn does not end")


def test_turns_with_calls(server):
    claude = ClaudeCode(server)
    calls, text = claude.run("please @list the files")
    assert [(call["name"], call["input"]) for call in calls] == [
        ("Bash", {"command": "ls"}), ("Read", {"file_path": "/a.txt"}), ("Read", {"file_path": "/b.txt"})]
    assert len({call["id"] for call in calls}) == 3 and all(call["id"].startswith("toolu_") for call in calls)
    assert text == SCRIPTS["@contents"]
    thinking = claude.messages[2]["content"][0]
    assert thinking["type"] == "thinking" and thinking["thinking"] == "look first" and thinking["signature"]
    assert claude.run("many @thanks to you")[1] == THANKS["@thanks"]
    # A picture that the user pastes, then one that a tool reads.
    assert claude.run("what is on this?", IMAGE) == ([], SEEN)
    calls, text = claude.run("please @view the other one")
    assert [call["input"] for call in calls] == [{"file_path": "/a.png"}] and text == SEEN
    assert claude.run("many @thanks to you")[1] == THANKS["@thanks"]
    # The changing first block of the system prompt must not cost the cache.
    assert len(claude.usages) == 8
    for (before, _), (after, cached) in zip(claude.usages, claude.usages[1:]):
        assert after > before and cached >= 0.9 * before


def test_side_requests_under_another_name(server):
    ClaudeCode(server).run("many @thanks to you")
    title = {"model": "claude-haiku-4-5-20251001", "max_tokens": 64, "messages": [{"role": "user", "content": "find a @title now"}],
             "temperature": 0, "system": [{"type": "text", "text": "Name the talk."}]}
    answer = server.post("/v1/messages?beta=true", title, headers=HEADERS)
    assert answer.status_code == 200 and answer.json()["content"][0]["text"] == SCRIPTS["@title"]
    assert answer.json()["model"] == title["model"]
    quota = server.post("/v1/messages?beta=true", title | {"max_tokens": 1, "messages": [{"role": "user", "content": "quota"}]})
    assert quota.status_code == 200 and quota.json()["stop_reason"] in ("max_tokens", "end_turn")
    search = title | {"tools": [{"type": "web_search_20250305", "name": "web_search", "max_uses": 8}]}
    assert server.post("/v1/messages?beta=true", search).json()["stop_reason"] == "end_turn"
    assert httpx.head(server.url + "/").status_code == 200
    assert server.post("/api/event_logging/batch", {"events": []}).status_code == 404


def test_sub_agents_at_once(server):
    def agent(number):
        return ClaudeCode(server).run(f"agent {number}, please @list the files")

    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        for calls, text in pool.map(agent, range(6)):
            assert len(calls) == 3 and text == SCRIPTS["@contents"]


@pytest.mark.parametrize("stream", [True, False])
def test_a_prompt_that_is_too_long(server, stream):
    claude = ClaudeCode(server)
    claude.messages = [{"role": "user", "content": "word " * 5000}]
    answer = server.post("/v1/messages?beta=true", claude.body() | {"stream": stream})
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert error["type"] == "invalid_request_error" and error["message"].startswith("prompt is too long: ")
    assert "tokens > 4096 maximum" in error["message"]
