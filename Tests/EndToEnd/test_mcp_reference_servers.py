"""The reference servers of the protocol's own project, as people have them in mcp.json: programs of the newest SDK and of its
first major, in whole chats."""
import json
import os
import pathlib
import subprocess
import sys

import httpx
import openai
import pytest

import native_grammar
from atelier_server import Server, server_sent_events
from table_model import TableModel
from tool_server import call

KEY = "table"
TOKYO = {"source_timezone": "UTC", "time": "12:00", "target_timezone": "Asia/Tokyo"}
PROTOCOLS = {"time": "2026-07-28", "time-of-old": "2025-11-25", "git": "2026-07-28"}


@pytest.fixture(scope="module")
def repository(tmp_path_factory) -> pathlib.Path:
    folder = tmp_path_factory.mktemp("repository")
    subprocess.run(["git", "init", "-q", folder], check=True)
    (folder / "notes.txt").write_text("Not added.")
    return folder


@pytest.fixture(scope="module")
def server(tmp_path_factory, repository):
    model = TableModel(context_length=16384)
    model.script("@tokyo", call("convert_time", **TOKYO))
    model.script("@both", call("time_convert_time", **TOKYO) + "\n" + call("time-of-old_convert_time", **TOKYO))
    model.script("+9.0h", "Nine hours ahead.")
    model.script("@never", call("convert_time", **TOKYO | {"time": "25:61"}))
    model.script("Invalid time format", "There is no such time.")
    model.script("@status", call("git_status", repo_path=str(repository)))
    model.script("Untracked files", "Something is not added.")
    instance = Server("--require-auth", model=False, environment={
        "ATELIER_MCP_ALLOW_PLUGINS": "true", "ATELIER_LOAD_CONTEXT_LENGTH": "16384"})
    instance.add_model(
        "tests/table/table.gguf", model.otherwise("Nothing was asked.").write(tmp_path_factory.mktemp("model") / "table.gguf"))
    old = os.environ["ATELIER_TEST_OLD_SDKS"]
    for name, command in {
        "time": [sys.executable, "-m", "mcp_server_time", "--local-timezone", "UTC"],
        "time-of-old": [old, "-m", "mcp_server_time", "--local-timezone", "UTC"],
        "git": [sys.executable, "-m", "mcp_server_git", "--repository", str(repository)],
    }.items():
        added = instance.run("mcp", "add", name, "--", *command)
        assert added.returncode == 0, added.stderr
    try:
        yield instance.start()
    finally:
        instance.remove()


@pytest.fixture(scope="module")
def headers(server) -> dict:
    made = server.run("token", "create", "--name", "tests", "--allow", "inference,models.load,mcp.plugins")
    assert made.returncode == 0, made.stderr
    return {"authorization": f"Bearer {made.stdout.strip().splitlines()[-1]}"}


def chat(server: Server, headers: dict, text: str, *plugins: str, **options) -> dict:
    body = {"model": KEY, "input": f"Please {text} now", "temperature": 0, "stream": True, "integrations": list(plugins)} | options
    with httpx.stream("POST", f"{server.url}/api/v1/chat", json=body, headers=headers, timeout=60) as answer:
        return native_grammar.check([json.loads(data) for _, data in server_sent_events(answer.iter_text())])


@pytest.mark.parametrize("name", PROTOCOLS)
def test_trying_it(server, name):
    tried = server.run("mcp", "test", name, "--json")
    assert tried.returncode == 0, tried.stderr
    answer = json.loads(tried.stdout)
    assert answer["protocol"] == PROTOCOLS[name] and {"git_status" if name == "git" else "convert_time"} <= set(answer["tools"])


@pytest.mark.parametrize("name", ["time", "time-of-old"])
def test_a_chat_and_its_continuation(server, headers, name):
    result = chat(server, headers, "@tokyo", f"mcp/{name}")
    made, said = result["output"]
    assert made["tool"] == "convert_time" and made["arguments"] == TOKYO
    assert made["provider_info"] == {"type": "plugin", "plugin_id": f"mcp/{name}"}
    # The structured result says the same as the text, and comes once.
    [block] = json.loads(made["output"])
    assert json.loads(block["text"])["target"]["datetime"].endswith("T21:00:00+09:00")
    assert said == {"type": "message", "content": "Nine hours ahead."}
    # What decides the next answer stands in the tool's result, several turns back.
    after = chat(server, headers, "repeat that", previous_response_id=result["response_id"])
    assert after["output"] == [said]


@pytest.mark.parametrize("name", ["time", "time-of-old"])
def test_what_a_tool_refuses_is_told_to_the_model(server, headers, name):
    made, said = chat(server, headers, "@never", f"mcp/{name}")["output"]
    assert made["type"] == "tool_call" and "Invalid time format" in made["output"] and said["content"] == "There is no such time."


def test_two_servers_that_offer_the_same(server, headers):
    output = chat(server, headers, "@both", "mcp/time", "mcp/time-of-old")["output"]
    assert [item["provider_info"]["plugin_id"] for item in output[:2]] == ["mcp/time", "mcp/time-of-old"]
    assert all(item["tool"] == "convert_time" and "+9.0h" in item["output"] for item in output[:2])
    assert output[2]["content"] == "Nine hours ahead."


def test_files_of_the_operator(server, headers):
    made, said = chat(server, headers, "@status", "mcp/git", "mcp/time")["output"]
    assert "notes.txt" in made["output"] and said["content"] == "Something is not added."


def test_in_responses_with_the_tools_hints(server, headers):
    client = openai.OpenAI(base_url=f"{server.url}/v1", api_key=headers["authorization"].removeprefix("Bearer "), max_retries=0)
    answer = client.responses.create(
        model=KEY, input="Please @tokyo now", temperature=0,
        tools=[{"type": "mcp", "server_label": "time", "allowed_tools": ["convert_time"]}])
    listed, made, said = answer.output
    assert [tool.name for tool in listed.tools] == ["convert_time"] and listed.tools[0].annotations["readOnlyHint"] is True
    assert json.loads(made.output)["time_difference"] == "+9.0h" and answer.output_text == "Nine hours ahead."
    # The second round read what the first had not: the call and its result.
    assert answer.usage.input_tokens - answer.usage.input_tokens_details.cached_tokens < 1500
