"""Remote tool servers in requests (native.md 4.3, 5.5, 13): real servers of the official SDK over every transport, and a
model whose weights make it call."""
import contextlib
import json
import pathlib
import threading

import pytest

import native_grammar
from atelier_server import Server, free_port, wait_until
from table_model import TableModel
from tool_server import TRANSPORTS, HandServer, ToolServer, call, client_that_leaves, tool_servers

KEY = "table"
SCRIPTS = {
    "@add": "Let me see. " + call("add", a=2, b=3),
    "@three": "\n".join(call("add", a=number, b=3) for number in range(3)),
    "@say": call("say_text", text="Now @five please"),
    "@five": "Five.",
    "@think": "<think>I need both.</think>" + call("say_text", text="one") + "\n" + call("say_text", text="then @again"),
    "@again": "<think>And more.</think>" + call("say_text", text="last @five"),
    "@fail": call("fail", reason="no @five today"),
    "@kinds": call("everything"),
    "@wait": call("wait", seconds=30),
    "@steps": call("steps", count=9),
    "@broken": call("interrupted"),
    "@headers": call("headers"),
    "@large": call("large", kilobytes=100),
    "@die": call("die"),
    "@clash": call("two_say_text", text="from @five"),
}


@pytest.fixture(scope="module")
def table(tmp_path_factory) -> pathlib.Path:
    # A call's result does not end the loop: without a trigger in it, the user's own makes the model call again.
    model = TableModel(context_length=16384)
    for trigger, text in SCRIPTS.items():
        model.script(trigger, text)
    return model.otherwise("Nothing was asked.").write(tmp_path_factory.mktemp("model") / "table.gguf")


@pytest.fixture(scope="module")
def tools(tmp_path_factory):
    yield from tool_servers(tmp_path_factory.mktemp("tools"))


def atelier(table: pathlib.Path, **settings) -> Server:
    settings = {"ATELIER_MCP_ALLOW_EPHEMERAL": "true", "ATELIER_LOAD_CONTEXT_LENGTH": "16384"} | settings
    server = Server(model=False, environment=settings)
    server.add_model("tests/table/table.gguf", table)
    return server


@pytest.fixture(scope="module")
def server(table):
    instance = atelier(
        table, ATELIER_MCP_ALLOW_PRIVATE_EPHEMERAL="true", ATELIER_MCP_MAX_ROUNDS="3", ATELIER_MCP_CALL_SECONDS="2")
    try:
        yield instance.start()
    finally:
        instance.remove()


@pytest.fixture(scope="module")
def patient(table):
    """With the limits that nobody changed."""
    instance = atelier(table, ATELIER_MCP_ALLOW_PRIVATE_EPHEMERAL="true")
    try:
        yield instance.start()
    finally:
        instance.remove()


def ask(server: Server, text: str, *integrations, **options) -> tuple[list[dict], dict]:
    events = server.native_events(**question(text, *integrations, **options))
    return events, native_grammar.check(events)


def question(text: str, *integrations, **options) -> dict:
    return {"model": KEY, "input": f"Please {text} now", "temperature": 0, "integrations": list(integrations)} | options


def texts(output: str) -> list[str]:
    return [block.get("text", "") for block in json.loads(output)]


# The way of a call


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_call_goes_to_the_server_and_its_result_to_the_model(server, tools, transport):
    tool_server = tools(transport)
    before = len(tool_server.notes())
    events, result = ask(server, "@say", tool_server.entry(headers={"X-Key": "k"}))
    assert [item["type"] for item in result["output"]] == ["tool_call", "message"]
    item = result["output"][0]
    assert item == {
        "type": "tool_call", "tool": "say.text", "arguments": {"text": "Now @five please"}, "output": item["output"],
        "provider_info": {"type": "ephemeral_mcp", "server_label": "tools"}}
    assert texts(item["output"]) == ["Now @five please"]
    assert result["output"][1]["content"] == "Five."
    assert sum(event["type"] == "prompt_processing.start" for event in events) == 2
    notes = tool_server.notes()[before:]
    assert [note["text"] for note in notes if note["event"] == "say"] == ["Now @five please"]
    versions = {note["version"] for note in notes if note["event"] == "request"}
    if transport == "2026":
        assert versions == {"2026-07-28"}
        assert [note["name"] for note in notes if note.get("name")] == ["say.text"]
    else:
        assert "2025-11-25" in versions


def test_whole_and_streamed_answers_agree(server, tools):
    body = {"model": KEY, "input": "Please @say now", "temperature": 0, "integrations": [tools().entry()]}
    whole = server.post("/api/v1/chat", body)
    assert whole.status_code == 200
    _, streamed = ask(server, "@say", tools().entry())
    assert whole.json()["output"] == streamed["output"]
    assert whole.json()["stats"]["total_output_tokens"] == streamed["stats"]["total_output_tokens"]


def test_several_calls_and_rounds_with_reasoning_between(server, tools):
    _, result = ask(server, "@think", tools().entry())
    kinds = [item["type"] for item in result["output"]]
    assert kinds == ["reasoning", "tool_call", "tool_call", "reasoning", "tool_call", "message"]
    assert [texts(item["output"]) for item in result["output"] if item["type"] == "tool_call"] == [
        ["one"], ["then @again"], ["last @five"]]
    assert result["stats"]["reasoning_output_tokens"] > 0


def test_a_session_ends_with_its_request(server, tools):
    tool_server = tools("streamed")
    before = len(tool_server.notes())
    ask(server, "@say", tool_server.entry())
    wait_until(lambda: [note for note in tool_server.notes()[before:] if note.get("method") == "DELETE"], 10, "the DELETE")


def test_the_turn_is_stored_with_its_calls(server, tools):
    _, first = ask(server, "@say", tools().entry())
    _, second = ask(server, "@five", previous_response_id=first["response_id"])
    assert second["output"] == [{"type": "message", "content": "Five."}]
    # The calls and their results are part of what the model reads now.
    _, alone = ask(server, "@five")
    assert second["stats"]["input_tokens"] > alone["stats"]["input_tokens"] + len("Now @five please")
    _, unstored = ask(server, "@say", tools().entry(), store=False)
    assert "response_id" not in unstored


def test_allowed_tools_choose_what_the_model_sees(server, tools):
    _, full = ask(server, "@five", tools().entry())
    _, few = ask(server, "@five", tools().entry(allowed_tools=["add", "no.such.tool"]))
    _, none = ask(server, "@five", tools().entry(allowed_tools=[]))
    _, without = ask(server, "@five")
    counts = [result["stats"]["input_tokens"] for result in (full, few, none, without)]
    assert counts[0] > counts[1] > counts[2] == counts[3]
    # What is not allowed cannot be called.
    before = len(tools().notes("say"))
    _, result = ask(server, "@say", tools().entry(allowed_tools=["add"]), max_output_tokens=60)
    assert len(tools().notes("say")) == before
    assert all(item["type"] != "tool_call" or item["tool"] == "add" for item in result["output"])


def test_two_servers_with_the_same_tools(server, tools):
    one, two = tools("2026"), tools("json")
    before = len(one.notes("say")), len(two.notes("say"))
    _, result = ask(server, "@clash", one.entry(server_label="one"), two.entry(server_label="two"))
    item = result["output"][0]
    assert item["tool"] == "say.text" and item["provider_info"]["server_label"] == "two"
    assert (len(one.notes("say")), len(two.notes("say"))) == (before[0], before[1] + 1)


# What servers answer


def test_headers_reach_the_named_server_and_nothing_of_the_callers(server, tools):
    body = {"model": KEY, "input": "Please @headers now", "temperature": 0, "max_output_tokens": 110,
            "integrations": [tools().entry(headers={"Authorization": "Bearer theirs", "X-Key": "k", "Accept": "x"})]}
    answer = server.post("/api/v1/chat", body, headers={"authorization": "Bearer mine", "x-secret": "s"}).json()
    seen = json.loads(texts(answer["output"][0]["output"])[0])
    assert seen["authorization"] == "Bearer theirs" and seen["x-key"] == "k"
    assert seen["accept"] == "application/json, text/event-stream" and "x-secret" not in seen
    assert "mine" not in json.dumps(seen)


def test_a_tools_failure_is_told_to_the_model(server, tools):
    _, result = ask(server, "@fail", tools().entry())
    assert "no @five today" in texts(result["output"][0]["output"])[0]
    assert result["output"][1] == {"type": "message", "content": "Five."}


def test_content_of_every_kind(server, tools):
    _, result = ask(server, "@kinds", tools().entry(), max_output_tokens=110)
    blocks = json.loads(result["output"][0]["output"])
    assert [block["type"] for block in blocks] == ["text", "image", "resource_link", "resource", "resource", "audio", "text"]
    assert blocks[1]["mimeType"] == "image/png" and blocks[3]["resource"]["text"] == "a note"
    assert blocks[4]["resource"]["blob"] == "AAAA" and blocks[5]["mimeType"] == "audio/wav"
    assert json.loads(blocks[6]["text"]) == {"deep": {"number": 7}}


def test_a_large_result_is_cut(server, tools):
    _, result = ask(server, "@large", tools().entry(), max_output_tokens=110)
    text = texts(result["output"][0]["output"])[0]
    assert 65536 < len(text) < 66000 and text.endswith("it is too long.]")


@pytest.mark.parametrize("transport", ["2026", "streamed", "sdk1", "sdk1-sse"])
def test_a_hanging_tool_times_out_and_its_call_is_cancelled(server, tools, transport):
    notes = tools(transport).notes
    begun = len(notes("wait begins"))

    def time_out() -> bool:
        _, result = ask(server, "@wait", tools(transport).entry(), max_output_tokens=110)
        assert texts(result["output"][0]["output"]) == ["MCP error -32001: Request timed out"]
        # On a machine that is busy a call may time out before its tool begins, and then there is nothing to cancel.
        return len(notes("wait begins")) > begun

    wait_until(time_out, 60, "a tool that began")
    wait_until(lambda: len(notes("wait cancelled")) == len(notes("wait begins")), 40, "the cancellation")


@pytest.mark.parametrize("transport", ["2026", "streamed"])
def test_progress_gives_a_tool_more_time(server, tools, transport):
    _, result = ask(server, "@steps", tools(transport).entry(), max_output_tokens=110)
    assert texts(result["output"][0]["output"]) == ["all steps"]


def test_a_broken_stream_is_gone_on_with(server, tools):
    _, result = ask(server, "@broken", tools("resumable").entry(), max_output_tokens=110)
    assert texts(result["output"][0]["output"]) == ["went on"]
    assert any(note.get("resumes") for note in tools("resumable").notes("request"))


def test_a_server_that_dies_in_a_call_does_not_end_the_answer(server, tmp_path):
    doomed = ToolServer(tmp_path, "http")
    _, result = ask(server, "@die", doomed.entry(), max_output_tokens=110)
    assert result["output"][0]["type"] == "tool_call" and texts(result["output"][0]["output"])[0]
    doomed.stop()


def test_a_lost_session_is_made_anew(server):
    answers = iter([404, {"content": [{"type": "text", "text": "@five"}]}])
    with HandServer(session="s", tools_call=lambda: next(answers)) as hand:
        _, result = ask(server, "@add", hand.entry())
        wait_until(lambda: "DELETE" in hand.methods, 40, "the end of the session")
    assert texts(result["output"][1]["output"]) == ["@five"]
    assert hand.methods.count("initialize") == 2 and hand.methods.count("tools/call") == 2
    assert all(session == "s" for method, session in hand.requests if method not in ("server/discover", "initialize"))


# Servers that do not keep to the protocol

LONG = "x" * (2 << 20)


@pytest.mark.parametrize("answer, words", [
    ({"content": [{"type": "text", "text": LONG}]}, "larger than 1 MiB"),
    ({"content": 5}, "malformed"),
    (b"no JSON at all", "malformed"),
    (b'{"jsonrpc": "2.0", "id": 7', "malformed"),
])
def test_a_result_that_is_none_is_told_to_the_model(server, answer, words):
    with HandServer(tools_call=answer) as hand:
        _, result = ask(server, "@add", hand.entry(), max_output_tokens=110)
    item = next(item for item in result["output"] if item["type"] == "tool_call")
    assert words in texts(item["output"])[0]


@pytest.mark.parametrize("answer", [
    b"no JSON at all",
    {"tools": 5},
    {"tools": [{"name": "add", "description": LONG, "inputSchema": {"type": "object"}}]},
    {"tools": [{"name": f"t{number}", "inputSchema": {"type": "object"}} for number in range(129)]},
])
def test_a_list_that_is_none_ends_the_request(server, answer):
    with HandServer(tools_list=answer) as hand:
        status, error = refusal(server, hand.entry())
        assert status == 502 and error["type"] == "mcp_connection_error" and "'hand'" in error["message"]
        assert "tools/call" not in hand.methods
    _, result = ask(server, "@five")
    assert result["output"] == [{"type": "message", "content": "Five."}]


def test_pages_without_end_are_not_read(server):
    page = {"tools": [{"name": "add", "inputSchema": {"type": "object"}}], "nextCursor": "more"}
    with HandServer(tools_list=page) as hand:
        server.post("/api/v1/chat", {"model": KEY, "input": "Please @five now", "integrations": [hand.entry()]})
        assert hand.methods.count("tools/list") <= 16


def test_arguments_against_the_schema_are_told_to_the_model(server):
    schema = {"type": "object", "properties": {"a": {"type": "number", "multipleOf": 4}, "b": {"type": "number"}}}
    with HandServer(tools_list={"tools": [{"name": "add", "inputSchema": schema}]}) as hand:
        _, result = ask(server, "@add", hand.entry(), max_output_tokens=110)
        assert "tools/call" not in hand.methods, result
    item = next(item for item in result["output"] if item["type"] == "invalid_tool_call")
    assert item["metadata"] == {"type": "invalid_arguments", "tool_name": "add", "arguments": {"a": 2, "b": 3},
                                "provider_info": {"type": "ephemeral_mcp", "server_label": "hand"}}
    assert "'a'" in item["reason"]


# Bounds


def test_an_endless_loop_is_bounded(server, tools):
    _, result = ask(server, "@add", tools().entry())
    calls = [item for item in result["output"] if item["type"] == "tool_call"]
    assert len(calls) == 3 and all(texts(item["output"]) == ["5"] for item in calls)
    assert result["output"][-1]["type"] == "message"


def test_the_token_limit_spans_the_rounds(server, tools):
    _, result = ask(server, "@add", tools().entry(), max_output_tokens=150)
    assert result["stats"]["total_output_tokens"] <= 150
    assert 1 <= sum(item["type"] == "tool_call" for item in result["output"]) <= 2


def test_an_endless_loop_is_bounded_where_nobody_set_a_bound(patient, tools):
    _, result = ask(patient, "@add", tools().entry(allowed_tools=["add"]))
    calls = [item for item in result["output"] if item["type"] == "tool_call"]
    assert len(calls) == 25 and all(texts(item["output"]) == ["5"] for item in calls)
    assert result["output"][-1]["type"] == "message"


def test_only_so_many_calls_are_run(patient, tools):
    before = len(tools().notes("add"))
    _, result = ask(patient, "@three", tools().entry(allowed_tools=["add"]))
    outputs = [texts(item["output"])[0] for item in result["output"] if item["type"] == "tool_call"]
    assert outputs[:64] == [str(3 + number % 3) for number in range(64)] and len(tools().notes("add")) == before + 64
    assert len(outputs) == 66 and all("this request has made 64 calls" in output for output in outputs[64:])


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed answer"])
@pytest.mark.parametrize("transport", ["2026", "streamed", "json", "sse", "sdk1", "sdk1-sse"])
def test_a_client_that_leaves_ends_the_call_and_frees_the_model(patient, tools, transport, stream):
    notes = tools(transport).notes
    begun = len(notes("wait begins"))
    with client_that_leaves(patient.url, "/api/v1/chat", question("@wait", tools(transport).entry(), stream=stream)):
        # Before that there would be nothing to cancel.
        wait_until(lambda: len(notes("wait begins")) > begun, 40, "the call")
        _, other = ask(patient, "@five")
        assert other["output"] == [{"type": "message", "content": "Five."}]
        assert len(notes("wait cancelled")) == begun
    # The tool would go on for 30 s, and the call is allowed 60.
    wait_until(lambda: len(notes("wait cancelled")) > begun, 25, "the cancellation")
    wait_until(lambda: not patient.busy(), 40, "the model's idleness")


def test_a_cancellation_is_not_overtaken_by_the_end_of_its_session(patient):
    ended, overtaken = threading.Event(), []
    with HandServer(session="s", tools_call=HandServer.HANG, DELETE=ended.set,
                    notifications_cancelled=lambda: overtaken.append(ended.wait(2)) or 202) as hand:
        with client_that_leaves(patient.url, "/api/v1/chat", question("@add", hand.entry())):
            wait_until(lambda: "tools/call" in hand.methods, 40, "the call")
        wait_until(ended.is_set, 40, "the end of the session")
    assert overtaken == [False] and hand.requests[-2:] == [("notifications/cancelled", "s"), ("DELETE", "s")]


@pytest.mark.parametrize("stage", ["tools_list", "tools_call"])
def test_servers_that_hang_hold_no_place_at_the_model(patient, stage):
    """More of them than the model has places."""
    with HandServer(**{stage: HandServer.HANG}) as hand, contextlib.ExitStack() as clients:
        for _ in range(5):
            clients.enter_context(client_that_leaves(patient.url, "/api/v1/chat", question("@add", hand.entry())))
        wait_until(lambda: hand.methods.count(stage.replace("_", "/")) == 5, 40, "all of them hanging")
        _, other = ask(patient, "@five")
        assert other["output"] == [{"type": "message", "content": "Five."}]


def test_a_server_that_hangs_while_it_is_asked_for_its_tools(patient):
    with HandServer(tools_list=HandServer.HANG) as hand:
        status, error = refusal(patient, hand.entry())
    assert status == 502 and error["type"] == "mcp_connection_error" and "timed out" in error["message"]


# Refusals


def refusal(server: Server, *integrations, stream: bool = False) -> tuple[int, dict]:
    answer = server.post("/api/v1/chat", {"model": KEY, "input": "Hi", "stream": stream, "integrations": list(integrations)})
    return answer.status_code, answer.json()["error"]


def test_what_is_off_is_refused_before_anything_is_connected(fresh, table, tools):
    server = Server(model=False)
    server.add_model("tests/table/table.gguf", table)
    try:
        server.start()
        before = len(tools().notes())
        for stream in (False, True):
            status, error = refusal(server, tools().entry(), "mcp/files", stream=stream)
            assert status == 403 and error["type"] == "invalid_request" and error["param"] == "integrations"
            assert error["message"].startswith("Permission denied to use ephemeral MCP server 'tools'. ")
        status, error = refusal(server, {"type": "plugin", "id": "mcp/files"})
        assert status == 403 and error["message"].startswith("Permission denied to use plugin 'mcp/files'. ")
        assert len(tools().notes()) == before
    finally:
        server.remove()


def test_addresses_that_are_not_public_need_the_operators_word(table, tools):
    allowed = tools("2026")
    server = atelier(table, ATELIER_EGRESS_ALLOW=f"127.0.0.1:{allowed.port}")
    try:
        server.start()
        for url in (tools("json").url, "http://localhost:1/mcp", "http://169.254.169.254/mcp", "http://[::1]:9/mcp"):
            for stream in (False, True):
                status, error = refusal(server, allowed.entry(server_url=url), stream=stream)
                assert status == 400 and error["type"] == "mcp_connection_error" and "non-public address" in error["message"]
        status, error = refusal(server, "mcp/files")
        assert status == 403
        _, result = ask(server, "@say", allowed.entry())
        assert result["output"][-1]["content"] == "Five."
    finally:
        server.remove()


@pytest.mark.parametrize("change, param", [
    ({"server_url": "ftp://example.org"}, "integrations.0.server_url"),
    ({"server_url": "https://user:word@example.org/"}, "integrations.0.server_url"),
    ({"headers": {"Host": "other"}}, "integrations.0.headers"),
    ({"headers": {"Content-Length": "5"}}, "integrations.0.headers"),
    ({"headers": {"X-Key": "a\r\nb: c"}}, "integrations.0.headers"),
    ({"timeout": 5}, "integrations.0"),
])
def test_what_cannot_be_is_refused(server, tools, change, param):
    status, error = refusal(server, tools().entry(**change))
    assert status == 400 and error["param"] == param


def test_one_server_is_named_once(server, tools):
    status, error = refusal(server, tools().entry(), tools().entry())
    assert status == 400 and error["param"] == "integrations.1"


def test_a_server_that_is_not_there(server, tools):
    entry = tools().entry(server_url=f"http://127.0.0.1:{free_port()}/mcp")
    status, error = refusal(server, entry)
    assert status == 502 and error["type"] == "mcp_connection_error" and "'tools'" in error["message"]
    events = server.native_events(model=KEY, input="Hi", integrations=[tools().entry(server_label="good"), entry])
    result = native_grammar.check(events)
    assert [event["type"] for event in events][-2:] == ["error", "chat.end"]
    assert events[-2]["error"]["type"] == "mcp_connection_error" and events[-2]["error"]["param"] == "integrations"
    assert result["output"] == [] and "response_id" not in result


def test_a_redirect_to_another_origin_is_not_followed(server, tools):
    target, seen = tools("json"), []

    class Redirecting(threading.Thread):
        def run(self):
            import http.server

            class Handler(http.server.BaseHTTPRequestHandler):
                def do_POST(self):
                    self.rfile.read(int(self.headers["content-length"]))
                    seen.append(self.path)
                    self.send_response(307)
                    place = "/mcp/" if self.path == "/mcp" else target.url
                    self.send_header("location", place)
                    self.send_header("content-length", "0")
                    self.end_headers()

                do_GET = do_POST

                def log_message(self, *_):
                    pass

            self.server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
            self.server.serve_forever()

    thread = Redirecting(daemon=True)
    thread.start()
    wait_until(lambda: hasattr(thread, "server"))
    before = len(target.notes())
    url = f"http://127.0.0.1:{thread.server.server_address[1]}/mcp"
    status, error = refusal(server, target.entry(server_url=url, headers={"Authorization": "Bearer secret"}))
    assert status == 502 and "redirects" in error["message"]
    assert "/mcp/" in seen and len(target.notes()) == before
    thread.server.shutdown()
