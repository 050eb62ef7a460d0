"""`type: "mcp"` tools of `/v1/responses` (openai.md 10.9) with the official SDK and a real MCP server."""
import json
import pathlib

import httpx
import openai
import pytest

from atelier_server import Server, free_port, wait_until
from table_model import TableModel
from tool_server import call, client_that_leaves, tool_servers

TABLE = "table"
SCRIPTS = {
    "@add": "Let me see. " + call("add", a=2, b=3),
    "@three": "\n".join(call("add", a=number, b=3) for number in range(3)),
    "@say": "<think>I will repeat it.</think>" + call("say_text", text="Now @five please"),
    "@five": "Five.",
    "@fail": call("fail", reason="no @five today"),
    "@kinds": call("everything"),
    "@headers": call("headers"),
    "@wait": call("wait", seconds=30),
    "@mixed": call("say_text", text="first") + "\n" + call("weather", city="Oslo"),
    "@rain": "It rains.",
    "@clash": call("tools__add", a=4, b=3),
}
# This SDK's types have a text where the error of a call is.
TEXT_ERRORS = pytest.mark.filterwarnings("ignore:Pydantic serializer")
WEATHER = {"type": "function", "name": "weather", "strict": False,
           "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}


@pytest.fixture(scope="module")
def tools(tmp_path_factory):
    yield from tool_servers(tmp_path_factory.mktemp("tools"))


@pytest.fixture(scope="module")
def table(tmp_path_factory) -> pathlib.Path:
    model = TableModel(context_length=16384)
    for trigger, text in SCRIPTS.items():
        model.script(trigger, text)
    return model.otherwise("Nothing was asked.").write(tmp_path_factory.mktemp("model") / "table.gguf")


@pytest.fixture(scope="module")
def server(table):
    instance = Server("--allow-private-mcp", model=False, environment={
        "ATELIER_MCP_ALLOW_EPHEMERAL": "true", "ATELIER_LOAD_CONTEXT_LENGTH": "16384"})
    instance.add_model("tests/table/table.gguf", table)
    try:
        yield instance.start()
    finally:
        instance.remove()


@pytest.fixture(scope="module")
def client(server):
    return openai.OpenAI(base_url=f"{server.url}/v1", api_key="mine", max_retries=0)


def mcp(tool_server, **more) -> dict:
    return {"type": "mcp", "server_label": "tools", "server_url": tool_server.url} | more


def ask(client, text, *tools, **options):
    return client.responses.create(**{
        "model": TABLE, "input": f"Please {text} now", "temperature": 0, "tools": list(tools), "max_output_tokens": 400} | options)


def stream(client, text, *tools, **options):
    """The accumulated response and the events."""
    body = {"model": TABLE, "input": f"Please {text} now", "temperature": 0, "tools": list(tools), "max_output_tokens": 400}
    with client.responses.stream(**body | options) as events:
        seen = list(events)
        response = events.get_final_response()
    assert [event.sequence_number for event in seen] == list(range(len(seen)))
    return response, seen


def kinds(response) -> list[str]:
    return [item.type for item in response.output]


def wire(response) -> list[dict]:
    """Items as they were sent: without ids, and without what the SDK adds."""
    items = []
    for item in response.output:
        entry = {key: value for key, value in item.to_dict().items() if key not in ("id", "call_id", "parsed_arguments")}
        for part in entry.get("content") or []:
            part.pop("parsed", None)
        items.append(entry)
    return items


def test_list_call_and_text(client, server, tools):
    response, events = stream(client, "@say", mcp(tools()))
    assert kinds(response) == ["mcp_list_tools", "reasoning", "mcp_call", "message"] and response.status == "completed"
    listing, _, made, message = response.output
    assert listing.server_label == "tools" and listing.error is None
    offered = {tool.name: tool for tool in listing.tools}
    assert offered["say.text"].description == "Repeat a text." and offered["say.text"].input_schema["required"] == ["text"]
    assert offered["add"].annotations == {"title": "Addition", "readOnlyHint": True} and offered["say.text"].annotations is None
    assert made.server_label == "tools" and made.name == "say.text" and made.output == "Now @five please"
    assert json.loads(made.arguments) == {"text": "Now @five please"} and made.error is None and made.status == "completed"
    assert message.content[0].text == "Five."
    shown = [event.type.removeprefix("response.") for event in events]
    assert [kind for kind in shown if not kind.endswith(".delta")] == [
        "created", "in_progress",
        "output_item.added", "mcp_list_tools.in_progress", "mcp_list_tools.completed", "output_item.done",
        "output_item.added", "content_part.added", "reasoning_text.done", "content_part.done", "output_item.done",
        "output_item.added", "mcp_call.in_progress", "mcp_call_arguments.done", "mcp_call.completed", "output_item.done",
        "output_item.added", "content_part.added", "output_text.done", "content_part.done", "output_item.done", "completed"]
    assert "".join(event.delta for event in events if event.type == "response.mcp_call_arguments.delta") == made.arguments
    ids = [event.item.id for event in events if event.type == "response.output_item.added"]
    assert ids == [item.id for item in response.output]
    assert [item_id.split("_")[0] for item_id in ids] == ["mcpl", "rs", "mcp", "msg"]
    # Whole answers and stored ones say the same.
    assert wire(ask(client, "@say", mcp(tools()))) == wire(response)
    stored = client.responses.retrieve(response.id)
    assert wire(stored) == wire(response) and [item.id for item in stored.output] == ids


def test_a_client_that_leaves_ends_the_call(client, server, tools):
    notes = tools().notes
    begun = len(notes("wait begins"))
    body = {"model": TABLE, "input": "Please @wait now", "temperature": 0, "stream": True, "tools": [mcp(tools())]}
    with client_that_leaves(server.url, "/v1/responses", body):
        wait_until(lambda: len(notes("wait begins")) > begun, 40, "the call")
    wait_until(lambda: len(notes("wait cancelled")) > begun, 25, "the cancellation")
    wait_until(lambda: not server.busy(), 40, "the model's idleness")


def test_the_second_round_reads_only_what_is_new(client, tools):
    first = ask(client, "@five", mcp(tools()))
    response = ask(client, "@say", mcp(tools()))
    usage = response.usage
    # Both prompts begin with the same tools; the last round's begins with the whole prompt of the first.
    assert usage.input_tokens_details.cached_tokens > first.usage.input_tokens - 40
    assert usage.input_tokens - usage.input_tokens_details.cached_tokens < 200
    assert usage.output_tokens_details.reasoning_tokens > 0 and usage.total_tokens == usage.input_tokens + usage.output_tokens


@TEXT_ERRORS
def test_a_failed_call_does_not_fail_the_response(client, tools):
    response, events = stream(client, "@fail", mcp(tools()))
    assert kinds(response) == ["mcp_list_tools", "mcp_call", "message"] and response.status == "completed"
    made = response.output[1].to_dict()
    assert made["status"] == "failed" and made["output"] is None and made["error"]["type"] == "mcp_tool_execution_error"
    assert "no @five today" in made["error"]["content"][0]["text"]
    assert "response.mcp_call.failed" in [event.type for event in events]


def test_content_that_is_no_text(client, tools):
    made = ask(client, "@kinds", mcp(tools()), max_tool_calls=1).output[1]
    lines = made.output.split("\n")
    assert lines[0] == "text" and json.loads(lines[1])["type"] == "image" and json.loads(lines[2])["type"] == "resource_link"


def test_a_call_of_the_clients_function_ends_the_turn(client, tools):
    before = len(tools().notes("say"))
    response, _ = stream(client, "@mixed", mcp(tools()), WEATHER)
    assert kinds(response) == ["mcp_list_tools", "mcp_call", "function_call"] and response.status == "completed"
    assert len(tools().notes("say")) == before + 1
    pending = response.output[2]
    assert pending.name == "weather" and json.loads(pending.arguments) == {"city": "Oslo"}
    output = {"type": "function_call_output", "call_id": pending.call_id, "output": "@rain"}
    answer = ask(client, "", WEATHER, input=[output], previous_response_id=response.id)
    assert answer.output_text == "It rains."


def test_a_name_of_the_client_and_of_the_server(client, tools):
    add = {"type": "function", "name": "add", "parameters": {"type": "object"}, "strict": False}
    made = ask(client, "@clash", mcp(tools()), add, max_tool_calls=1).output[1]
    assert made.type == "mcp_call" and made.name == "add" and made.output == "7"


@TEXT_ERRORS
def test_endless_loops_are_bounded_where_nobody_set_a_bound(client, tools):
    one = ask(client, "@add", mcp(tools(), allowed_tools=["add"]), max_output_tokens=None)
    assert kinds(one).count("mcp_call") == 25 and kinds(one)[-1] == "message" and one.status == "completed"
    before = len(tools().notes("add"))
    three, events = stream(client, "@three", mcp(tools(), allowed_tools=["add"]), max_output_tokens=None)
    calls = [item for item in three.output if item.type == "mcp_call"]
    assert len(tools().notes("add")) == before + 64 and [made.status for made in calls] == ["completed"] * 64 + ["failed"] * 2
    assert all("64 calls" in made.to_dict()["error"]["content"][0]["text"] for made in calls[64:])
    assert sum(event.type == "response.mcp_call.failed" for event in events) == 2 and kinds(three)[-1] == "message"


def test_bounds(client, tools):
    response = ask(client, "@add", mcp(tools()), max_tool_calls=2)
    assert kinds(response).count("mcp_call") == 2 and kinds(response)[-1] == "message" and response.max_tool_calls == 2


def test_credentials_go_to_the_server_and_are_not_repeated(client, tools):
    response = ask(client, "@headers", mcp(tools(), authorization="theirs", headers={"X-Key": "k"}), max_tool_calls=1)
    seen = json.loads(response.output[1].output)
    assert seen["authorization"] == "Bearer theirs" and seen["x-key"] == "k" and "mine" not in json.dumps(seen)
    assert response.tools[0].to_dict() == mcp(tools())


def test_allowed_tools_and_a_choice(client, tools):
    narrow = ask(client, "@five", mcp(tools(), allowed_tools={"tool_names": ["add", "fail"]}))
    assert [tool.name for tool in narrow.output[0].tools] == ["add", "fail"]
    # The script begins with text, which the demanded call does not allow.
    choice = {"type": "mcp", "server_label": "tools", "name": "fail"}
    forced = ask(client, "@fail", mcp(tools(), allowed_tools=["add", "fail"]), tool_choice=choice)
    assert forced.output[1].type == "mcp_call" and forced.output[1].name == "fail"
    with pytest.raises(openai.BadRequestError) as raised:
        ask(client, "@fail", mcp(tools(), allowed_tools=["add"]), tool_choice=choice)
    assert raised.value.param == "tool_choice"


def test_a_server_that_cannot_be_reached(client, tools):
    gone = {"type": "mcp", "server_label": "gone", "server_url": f"http://127.0.0.1:{free_port()}/mcp"}
    with pytest.raises(openai.APIStatusError) as raised:
        ask(client, "@five", mcp(tools()), gone)
    assert raised.value.status_code == 424 and raised.value.code == "mcp_list_tools_failed" and "'gone'" in raised.value.message
    assert raised.value.type == "external_connector_error" and raised.value.param == "tools"
    events = list(client.responses.create(model=TABLE, input="Please @five now", tools=[mcp(tools()), gone], stream=True))
    assert [event.type.removeprefix("response.") for event in events] == [
        "created", "in_progress", "output_item.added", "mcp_list_tools.in_progress", "mcp_list_tools.failed",
        "output_item.done", "failed"]
    failed = events[-1].response
    assert failed.status == "failed" and failed.error.code == "server_error" and "'gone'" in failed.output[0].error


@pytest.mark.parametrize("change, status, code, param", [
    ({"require_approval": "always"}, 400, "unsupported_value", "tools.0.require_approval"),
    ({"require_approval": {"never": {"tool_names": ["add"]}}}, 400, "unsupported_value", "tools.0.require_approval"),
    ({"connector_id": "connector_dropbox"}, 400, "unsupported_parameter", "tools.0.connector_id"),
    ({"server_url": None}, 403, "mcp_disabled", "tools"),
])
def test_what_is_refused(server, tools, change, status, code, param):
    # What an earlier test left behind may still arrive; whoever connects asks for the tools.
    asked = lambda: sum("tools/list" in str(note) or "initialize" in str(note) for note in tools().notes())
    before = asked()
    for streamed in (False, True):
        answer = server.post("/v1/responses", {"model": TABLE, "input": "Hi", "stream": streamed, "tools": [mcp(tools()) | change]})
        error = answer.json()["error"]
        assert (answer.status_code, error["code"], error["param"]) == (status, code, param)
    assert asked() == before


def test_what_is_off_is_refused(fresh, table, tools):
    server = fresh(model=False)
    server.add_model("tests/table/table.gguf", table)
    server.start()
    before = len(tools().notes())
    answer = httpx.post(f"{server.url}/v1/responses", json={"model": TABLE, "input": "Hi", "tools": [mcp(tools())]}, timeout=30)
    assert answer.status_code == 403 and answer.json()["error"]["code"] == "mcp_disabled"
    assert len(tools().notes()) == before
