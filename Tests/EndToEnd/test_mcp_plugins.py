"""Servers of mcp.json in requests (native.md 13): real programs of the official SDK behind API tokens."""
import contextlib
import json
import os
import pathlib
import re
import signal
import sys

import httpx
import openai
import pytest

import native_grammar
from atelier_server import Server, server_sent_events, wait_until
from table_model import TableModel
from tool_server import call, client_that_leaves

HERE = pathlib.Path(__file__).parent
KEY = "table"
SCRIPTS = {
    "@say": call("say_text", text="Now @five please"),
    "@five": "Five.",
    "@die": call("die"),
    "@env": call("environment"),
    "@wait": call("wait", seconds=30),
    "@complain": call("complain", text="words for the log"),
    "@grow": call("grow"),
}


def entry(**more) -> dict:
    return {"command": sys.executable, "args": [str(HERE / "mcp_server.py"), "stdio"], "env": {"GREETING": "hello"}} | more


@pytest.fixture(scope="module")
def table(tmp_path_factory) -> pathlib.Path:
    model = TableModel(context_length=16384)
    for trigger, text in SCRIPTS.items():
        model.script(trigger, text)
    return model.otherwise("Nothing was asked.").write(tmp_path_factory.mktemp("model") / "table.gguf")


def write(server: Server, **servers):
    (server.home / "mcp.json").write_text(json.dumps({"mcpServers": servers}))


@pytest.fixture(scope="module")
def server(table):
    instance = Server("--require-auth", model=False, environment={
        "ATELIER_MCP_ALLOW_PLUGINS": "true", "ATELIER_LOAD_CONTEXT_LENGTH": "16384", "ATELIER_MCP_MAX_ROUNDS": "2"})
    instance.add_model("tests/table/table.gguf", table)
    write(instance, files=entry(), My_Files=entry(), broken=entry(command="/nonexistent/program"), silent=entry(args=["-c", "exit()"]), **{
        name: entry(env={"MCP_JOURNAL": str(instance.home / f"{name}.jsonl")}) | more
        for name, more in {"hurried": {"timeout": 1500}, "patient": {}}.items()})
    try:
        yield instance.start()
    finally:
        instance.remove()


def token(server: Server, *permissions: str) -> dict:
    made = server.run("token", "create", "--name", "tests", "--allow", ",".join(["inference", "models.load", *permissions]))
    assert made.returncode == 0, made.stderr
    return {"authorization": f"Bearer {made.stdout.strip().splitlines()[-1]}"}


@pytest.fixture(scope="module")
def everything(server):
    return token(server, "mcp.plugins")


def question(text: str, *integrations) -> dict:
    return {"model": KEY, "input": f"Please {text} now", "temperature": 0, "max_output_tokens": 120, "integrations": list(integrations)}


def ask(server: Server, headers: dict, text: str, *integrations):
    return server.post("/api/v1/chat", question(text, *integrations), headers=headers)


def notes(server: Server, name: str, event: str) -> int:
    """How often something happened to that server."""
    journal = server.home / f"{name}.jsonl"
    return journal.read_text().count(f'"{event}"') if journal.exists() else 0


def programs(server: Server) -> list[int]:
    """Process ids of the tool servers that run."""
    found = []
    for folder in pathlib.Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            command, parent = (folder / "cmdline").read_text(), (folder / "stat").read_text().rsplit(")", 1)[1].split()[1]
        except OSError:
            continue
        if "mcp_server.py" in command and int(parent) == server.process.pid:
            found.append(int(folder.name))
    return found


def alive(process: int) -> bool:
    """False also for one that nobody has reaped yet."""
    with contextlib.suppress(OSError):
        return pathlib.Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    return False


def test_a_program_starts_when_it_is_first_wanted_and_stays(server, everything):
    assert programs(server) == []
    answer = ask(server, everything, "@say", "mcp/files")
    assert answer.status_code == 200, answer.text
    made, message = answer.json()["output"]
    assert made["tool"] == "say.text" and made["provider_info"] == {"type": "plugin", "plugin_id": "mcp/files"}
    assert message == {"type": "message", "content": "Five."}
    running = programs(server)
    assert len(running) == 1
    assert ask(server, everything, "@say", {"type": "plugin", "id": "mcp/files", "allowed_tools": ["say.text"]}).status_code == 200
    assert programs(server) == running


def test_a_stream_keeps_the_grammar(server, everything):
    body = {"model": KEY, "input": "Please @say now", "temperature": 0, "stream": True, "integrations": ["mcp/my-files"]}
    with httpx.stream("POST", f"{server.url}/api/v1/chat", json=body, headers=everything, timeout=60) as answer:
        events = [json.loads(data) for _, data in server_sent_events(answer.iter_text())]
    result = native_grammar.check(events)
    # The id is repeated as it was written.
    assert result["output"][0]["provider_info"]["plugin_id"] == "mcp/my-files"


def test_nothing_of_the_servers_environment_reaches_the_program(server, everything):
    output = ask(server, everything, "@env", "mcp/files").json()["output"][0]["output"]
    seen = json.loads(json.loads(output)[0]["text"])
    assert seen["GREETING"] == "hello" and not [name for name in seen if name.startswith("ATELIER_")]


def test_permissions(server, everything):
    for headers in (token(server), token(server, "mcp.plugins:other")):
        answer = ask(server, headers, "@say", "mcp/files")
        error = answer.json()["error"]
        assert answer.status_code == 403 and error["param"] == "integrations"
        assert error["message"].startswith("Permission denied to use plugin 'mcp/files'")
    assert ask(server, token(server, "mcp.plugins:files"), "@say", "mcp/files").status_code == 200
    assert ask(server, {}, "@say", "mcp/files").status_code == 401
    answer = ask(server, everything, "@say", "mcp/nothing")
    assert answer.status_code == 502 and "Cannot find plugin handle 'mcp/nothing'" in answer.json()["error"]["message"]


def responses(server: Server, headers: dict) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{server.url}/v1", api_key=headers["authorization"].removeprefix("Bearer "), max_retries=0)


def test_responses_name_servers_by_their_labels(server, everything):
    for label in ("files", "mcp/files"):
        tools = [{"type": "mcp", "server_label": label, "require_approval": "never"}]
        answer = responses(server, everything).responses.create(model=KEY, input="Please @say now", temperature=0, tools=tools)
        assert [item.type for item in answer.output] == ["mcp_list_tools", "mcp_call", "message"]
        assert [item.server_label for item in answer.output[:2]] == [label, label] and answer.output_text == "Five."
        with pytest.raises(openai.PermissionDeniedError) as raised:
            responses(server, token(server)).responses.create(model=KEY, input="Hi", tools=tools)
        assert raised.value.param == "tools" and "Permission denied to use plugin" in raised.value.message
    with pytest.raises(openai.APIStatusError) as raised:
        responses(server, everything).responses.create(model=KEY, input="Hi", tools=[{"type": "mcp", "server_label": "nothing"}])
    assert raised.value.status_code == 424 and "mcp/nothing" in raised.value.message


def test_a_servers_own_time_limit(server, everything):
    output = ask(server, everything, "@wait", "mcp/hurried").json()["output"][0]["output"]
    assert json.loads(output)[0]["text"] == "MCP error -32001: Request timed out"
    wait_until(lambda: notes(server, "hurried", "wait cancelled") == notes(server, "hurried", "wait begins"), 40, "the cancellation")
    # The program lives on.
    assert ask(server, everything, "@say", "mcp/hurried").json()["output"][-1]["content"] == "Five."


def test_a_client_that_leaves_ends_its_call_and_not_the_program(server, everything):
    assert ask(server, everything, "@say", "mcp/patient").status_code == 200
    running = set(programs(server))
    with client_that_leaves(server.url, "/api/v1/chat", question("@wait", "mcp/patient"), everything):
        wait_until(lambda: notes(server, "patient", "wait begins") == 1, 40, "the call")
    # The tool would go on for 30 s, and the call is allowed 60.
    wait_until(lambda: notes(server, "patient", "wait cancelled") == 1, 25, "the cancellation")
    assert set(programs(server)) == running and ask(server, everything, "@say", "mcp/patient").status_code == 200


def test_what_a_program_complains_about_is_in_the_log(server, everything):
    assert ask(server, everything, "@complain", "mcp/files").status_code == 200
    wait_until(lambda: "words for the log" in server.log, 40, "the line")
    line = next(line for line in server.log.splitlines() if "words for the log" in line)
    assert "files" in line
    # Every call is in the log.
    wait_until(lambda: [line for line in server.log.splitlines() if "Tool call: done" in line and "tool=complain" in line], 40, "the call")


def test_a_server_that_offers_more_is_asked_again(server, everything):
    def offered() -> list[str]:
        tools = [{"type": "mcp", "server_label": "my-files"}]
        answer = responses(server, everything).responses.create(model=KEY, input="Please @five now", temperature=0, tools=tools)
        return [tool.name for tool in answer.output[0].tools]

    assert "grown" not in offered()
    assert ask(server, everything, "@grow", "mcp/my-files").status_code == 200
    wait_until(lambda: "grown" in offered(), 40, "the new list")


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("plugin", ["mcp/nothing", "files", "mcp/", {"type": "plugin", "id": "mcp/Nothing"}])
def test_an_id_that_means_no_server_is_refused_before_a_stream(server, everything, plugin, stream):
    body = {"model": KEY, "input": "Please @five now", "stream": stream, "integrations": ["mcp/files", plugin]}
    answer = server.post("/api/v1/chat", body, headers=everything)
    assert answer.status_code == 502 and answer.headers["content-type"] == "application/json"
    error = answer.json()["error"]
    assert (error["type"], error["param"]) == ("plugin_connection_error", "integrations")
    assert f"'{plugin['id'] if isinstance(plugin, dict) else plugin}'" in error["message"]


@pytest.mark.parametrize("plugin", ["mcp/broken", "mcp/silent"])
def test_a_program_that_cannot_be_used_is_named(server, everything, plugin):
    answer = ask(server, everything, "@five", "mcp/files", plugin)
    assert answer.status_code == 502
    body = {"model": KEY, "input": "Please @five now", "stream": True, "integrations": ["mcp/files", plugin]}
    with httpx.stream("POST", f"{server.url}/api/v1/chat", json=body, headers=everything, timeout=60) as streamed:
        assert streamed.status_code == 200
        events = [json.loads(data) for _, data in server_sent_events(streamed.iter_text())]
    result = native_grammar.check(events)
    for error in (answer.json()["error"], events[-2]["error"]):
        assert (error["type"], error["param"]) == ("plugin_connection_error", "integrations")
        # What clients look for to try again without it.
        assert re.findall("mcp/[A-Za-z0-9_-]+", error["message"]) == [plugin]
    assert [event["type"] for event in events] == ["chat.start", "error", "chat.end"]
    assert result["output"] == [] and "response_id" not in result


def test_a_program_that_dies_is_started_again(server, everything):
    died = ask(server, everything, "@die", "mcp/files").json()["output"]
    assert died[0]["type"] == "tool_call" and json.loads(died[0]["output"])[0]["text"]
    wait_until(lambda: ask(server, everything, "@say", "mcp/files").status_code == 200, 20, "the restart")


def test_changes_of_the_file_are_noticed(server, everything):
    write(server, fresh=entry(env={"GREETING": "new"}))
    output = ask(server, everything, "@env", "mcp/fresh").json()["output"][0]["output"]
    assert json.loads(json.loads(output)[0]["text"])["GREETING"] == "new"
    assert ask(server, everything, "@say", "mcp/files").status_code == 502
    # What is no longer in the file ends when nobody uses it; and all end with the server.
    wait_until(lambda: len(programs(server)) == 1, 40, "the end of the removed programs")
    last = programs(server)[0]
    server.stop()
    assert not os.path.exists(f"/proc/{last}")


def test_an_idle_program_is_stopped_and_none_outlives_the_server(fresh, table):
    server = fresh("--require-auth", model=False, environment={
        "ATELIER_MCP_ALLOW_PLUGINS": "true", "ATELIER_MCP_IDLE_SECONDS": "1", "ATELIER_LOAD_CONTEXT_LENGTH": "16384"})
    server.add_model("tests/table/table.gguf", table)
    write(server, files=entry(env={"MCP_JOURNAL": str(server.home / "files.jsonl")}))
    server.start()
    headers = token(server, "mcp.plugins")
    assert ask(server, headers, "@say", "mcp/files").status_code == 200
    wait_until(lambda: programs(server) == [], 40, "the end of the program")
    # One that is at work when the server is killed.
    with client_that_leaves(server.url, "/api/v1/chat", question("@wait", "mcp/files"), headers):
        wait_until(lambda: notes(server, "files", "wait begins") == 1, 40, "the call")
        last = programs(server)[0]
        server.stop(signal.SIGKILL)
        wait_until(lambda: not alive(last), 40, "the end of the program")
