"""`/v1/responses` with the official SDK, against a model that says what its scripts say and against a real one."""
import json
import threading

import jsonschema
import openai
import pydantic
import pytest

from atelier_server import KEY, Server, wait_until
from table_model import CHATML, TableModel

TABLE = "table"
# Shows earlier reasoning, so that it can be seen whether it came back.
TEMPLATE = CHATML.replace(
    "message['content'] +", "('<think>' + message['reasoning_content'] + '</think>' if message['reasoning_content'] else '')"
    " + message['content'] +")
CALL = '<tool_call>\n{"name": "%s", "arguments": %s}\n</tool_call>'
SCRIPTS = {
    "@plain": "A plain answer: 😀 \"quoted\".",
    "@think": "<think>the secret is @vault of all</think>Thought about.",
    "@vault": "I remember the vault.",
    "@list": "<think>look</think>Let me look." + CALL % ("exec_command", '{"cmd": "ls"}'),
    "@seen": "There is a README.",
    "@patch": CALL % ("apply_patch", '{"input": "*** Begin\\n+\\u00e9 \\"x\\"\\n"}'),
    "@remote": CALL % ("mcp__files__read", '{"path": "a.txt"}'),
    "@sea": "and the sea ",
}
WEATHER = {"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
           "required": ["city", "days"], "additionalProperties": False}
EXEC = {"type": "function", "name": "exec_command", "parameters": {"type": "object", "properties": {"cmd": {"type": "string"}}},
        "strict": False}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    model = TableModel(template=TEMPLATE)
    for trigger, text in SCRIPTS.items():
        model.script(trigger, text, loop=trigger == "@sea")
    file = model.otherwise("Nothing was asked.").write(tmp_path_factory.mktemp("model") / "table.gguf")
    server = Server(environment={"ATELIER_JIT_KEEP_LAST_ONLY": "false"})
    server.add_model("tests/table/table.gguf", file)
    try:
        yield server.start()
    finally:
        server.remove()


@pytest.fixture(scope="module")
def client(server):
    return openai.OpenAI(base_url=f"{server.url}/v1", api_key="anything", max_retries=0)


def ask(client, question, **options):
    return client.responses.create(**{"model": TABLE, "input": question, "temperature": 0, "max_output_tokens": 300} | options)


def final(client, text, **options):
    """The accumulated response of a stream and its events."""
    body = {"model": TABLE, "input": text, "temperature": 0, "max_output_tokens": 300} | options
    with client.responses.stream(**body) as stream:
        events = list(stream)
        response = stream.get_final_response()
    assert [event.sequence_number for event in events] == list(range(len(events)))
    return response, events


def shape(response):
    """What does not differ between two answers to one request."""
    items = []
    for item in response.output:
        entry = item.to_dict()
        entry.pop("id")
        entry.pop("call_id", None)
        entry.pop("parsed_arguments", None)
        for part in entry.get("content") or []:
            part.pop("parsed", None)
        items.append(entry)
    return items, response.status, response.usage.output_tokens, response.usage.input_tokens


# Text


def test_text(client):
    response = ask(client, "Please @plain now", instructions="Be brief.", metadata={"a": "b"})
    assert response.output_text == SCRIPTS["@plain"] and response.status == "completed" and response.error is None
    assert response.id.startswith("resp_") and len(response.id) == 53 and response.model == TABLE
    assert response.instructions == "Be brief." and response.metadata == {"a": "b"} and response.temperature == 0
    assert response.completed_at >= response.created_at and response.incomplete_details is None
    usage = response.usage
    assert usage.total_tokens == usage.input_tokens + usage.output_tokens > 0
    assert response.output[0].content[0].annotations == []


def test_stream_equals_whole(client):
    for text in ("Please @plain now", "Please @think now", "Please @list now"):
        whole = ask(client, text, tools=[EXEC])
        streamed, events = final(client, text, tools=[EXEC])
        assert shape(streamed) == shape(whole)
        deltas = "".join(event.delta for event in events if event.type == "response.output_text.delta")
        assert deltas == whole.output_text
        done = [event.item.id for event in events if event.type == "response.output_item.done"]
        assert done == [item.id for item in streamed.output]


def test_warm_up(client):
    response = ask(client, "", max_output_tokens=1)
    assert response.status == "incomplete" and response.usage.output_tokens == 1


def test_usage_agrees_with_chat_completions(client):
    ask(client, "Please @plain now", store=False)
    response = ask(client, "Please @plain now", store=False)
    chat = client.chat.completions.create(
        model=TABLE, messages=[{"role": "user", "content": "Please @plain now"}], temperature=0, max_tokens=300)
    assert response.usage.input_tokens == chat.usage.prompt_tokens
    assert response.usage.output_tokens == chat.usage.completion_tokens
    assert response.usage.input_tokens_details.cached_tokens == chat.usage.prompt_tokens_details.cached_tokens > 0


def test_counting_agrees_with_the_answer(client):
    first = ask(client, "Please @plain now", instructions="Be brief.")
    for options in ({}, {"instructions": "Be brief."}, {"tools": [EXEC]}, {"tools": [EXEC], "tool_choice": "none"},
                    {"previous_response_id": first.id}, {"reasoning": {"effort": "none"}},
                    {"input": [{"role": "user", "content": "Hi"}, {"id": first.output[0].id, "type": "item_reference"}]}):
        body = {"model": TABLE, "input": "Please @plain now"} | options
        counted = client.responses.input_tokens.count(**body)
        assert counted.object == "response.input_tokens"
        assert counted.input_tokens == client.responses.create(**body, max_output_tokens=1, store=False).usage.input_tokens
    with pytest.raises(openai.NotFoundError):
        client.responses.input_tokens.count(model="none", input="Hi")


def test_logprobs(client):
    response = ask(client, "Please @plain now", include=["message.output_text.logprobs"], top_logprobs=2)
    logprobs = response.output[0].content[0].logprobs
    assert b"".join(bytes(entry.bytes) for entry in logprobs).decode() == SCRIPTS["@plain"]
    assert all(len(entry.top_logprobs) == 2 and entry.logprob <= 0 for entry in logprobs)
    streamed, events = final(client, "Please @plain now", include=["message.output_text.logprobs"], top_logprobs=2)
    tokens = [entry.token for event in events if event.type == "response.output_text.delta" for entry in event.logprobs]
    assert tokens == [entry.token for entry in logprobs]


# Reasoning and tools


def test_reasoning_text_and_call(client):
    response, events = final(client, "Please @list now", tools=[EXEC])
    reasoning, message, call = response.output
    assert reasoning.type == "reasoning" and reasoning.content[0].text == "look" and reasoning.summary == []
    assert reasoning.encrypted_content is None and response.usage.output_tokens_details.reasoning_tokens > 0
    assert message.content[0].text == "Let me look."
    assert call.name == "exec_command" and json.loads(call.arguments) == {"cmd": "ls"} and call.status == "completed"
    kinds = [event.type.removeprefix("response.") for event in events]
    assert [kind for kind in kinds if not kind.endswith("delta")] == [
        "created", "in_progress",
        "output_item.added", "content_part.added", "reasoning_text.done", "content_part.done", "output_item.done",
        "output_item.added", "content_part.added", "output_text.done", "content_part.done", "output_item.done",
        "output_item.added", "function_call_arguments.done", "output_item.done", "completed"]
    history = [{"role": "user", "content": "Please @list now"}, *[item.to_dict() for item in response.output],
               {"type": "function_call_output", "call_id": call.call_id, "output": "README.md is @seen here"}]
    for item in history:
        item.pop("parsed_arguments", None)
    assert ask(client, history, tools=[EXEC]).output_text == SCRIPTS["@seen"]


def test_a_forced_call_obeys_its_schema(client):
    tool = {"type": "function", "name": "get_weather", "description": "Weather of a city.", "parameters": WEATHER, "strict": True}
    for choice in ("required", {"type": "function", "name": "get_weather"}):
        response, _ = final(client, "Hi", model=KEY, tools=[tool], tool_choice=choice)
        call = response.output[0]
        assert call.type == "function_call" and call.name == "get_weather"
        if response.status == "completed":
            jsonschema.validate(json.loads(call.arguments), WEATHER)


def test_custom_tools_and_namespaces(client):
    tools = [
        {"type": "custom", "name": "apply_patch", "description": "Edits files.",
         "format": {"type": "grammar", "syntax": "lark", "definition": "start: /.+/"}},
        {"type": "namespace", "name": "mcp__files", "description": "", "tools": [
            {"type": "function", "name": "read", "parameters": {"type": "object", "properties": {"path": {"type": "string"}}}}]},
        {"type": "web_search"}, {"type": "local_shell"},
    ]
    response, events = final(client, "Please @patch now", tools=tools)
    call = response.output[0]
    assert call.type == "custom_tool_call" and call.name == "apply_patch" and call.input == '*** Begin\n+é "x"\n'
    assert "".join(event.delta for event in events if event.type == "response.custom_tool_call_input.delta") == call.input
    answer = ask(client, [{"role": "user", "content": "Please @patch now"}, call.to_dict(),
                          {"type": "custom_tool_call_output", "call_id": call.call_id, "output": "all is @seen"}], tools=tools)
    assert answer.output_text == SCRIPTS["@seen"]

    call = ask(client, "Please @remote now", tools=tools).output[0]
    assert call.type == "function_call" and call.name == "read" and call.namespace == "mcp__files"
    assert json.loads(call.arguments) == {"path": "a.txt"}


def test_a_stateless_client_keeps_the_reasoning(client):
    options = {"store": False, "include": ["reasoning.encrypted_content"]}
    first = ask(client, "Please @think now", **options)
    sealed = first.output[0].encrypted_content
    assert sealed
    streamed, _ = final(client, "Please @think now", **options)
    assert streamed.output[0].encrypted_content == sealed

    def next_turn(blob):
        return ask(client, [
            {"role": "user", "content": "Please @think now"},
            {"type": "reasoning", "summary": [], "content": None, "encrypted_content": blob},
            {"role": "assistant", "content": "Thought about."}, {"role": "user", "content": "Go on."}], **options).output_text

    assert next_turn(sealed) == SCRIPTS["@vault"]
    for blob in (None, "gAAAAABforeign", sealed[:-8] + "AAAAAAAA"):
        assert next_turn(blob) == "Thought about."


class City(pydantic.BaseModel):
    name: str
    population: int


def test_structured_output(client):
    body = {"model": KEY, "input": "Describe Oslo.", "text_format": City, "temperature": 0, "max_output_tokens": 200}
    response = client.responses.parse(**body)
    assert isinstance(response.output_parsed, City)
    assert response.text.format.type == "json_schema"
    with client.responses.stream(**body) as stream:
        assert stream.get_final_response().output_parsed == response.output_parsed
    plain = ask(client, "Describe Oslo.", model=KEY, text={"format": {"type": "json_object"}}, max_output_tokens=400)
    assert plain.status == "incomplete" or isinstance(json.loads(plain.output_text), dict)


# State


def test_a_chain_survives_a_restart(server, client):
    first = ask(client, "My word is @vault today", instructions="Secret: @plain")
    second, _ = final(client, "Once more.", previous_response_id=first.id)
    # Instructions are not inherited; the earlier turn is.
    assert second.output_text == SCRIPTS["@vault"] and second.previous_response_id == first.id
    server.restart()
    third = ask(client, "Once more.", previous_response_id=second.id)
    assert third.output_text == SCRIPTS["@vault"]
    branch = ask(client, "Now @plain instead", previous_response_id=first.id)
    assert branch.output_text == SCRIPTS["@plain"]
    fetched = client.responses.retrieve(second.id)
    expected = second.to_dict()
    for item in expected["output"]:
        for part in item["content"]:
            part.pop("parsed", None)
    assert fetched.to_dict() == expected


def test_calls_are_answered_through_the_chain(client):
    first = ask(client, "Please @list now", tools=[EXEC])
    call = first.output[-1]
    second = ask(client, [{"type": "function_call_output", "call_id": call.call_id, "output": "a README @seen there"}],
                 previous_response_id=first.id, tools=[EXEC])
    assert second.output_text == SCRIPTS["@seen"]
    # Cut pairs are no errors.
    assert ask(client, "And now @plain then", previous_response_id=first.id).output_text == SCRIPTS["@plain"]
    stray = [{"type": "function_call_output", "call_id": "call_x", "output": "it was @seen"}]
    assert ask(client, stray).output_text == SCRIPTS["@seen"]


def test_retrieve_list_and_delete(client):
    first = ask(client, [{"role": "developer", "content": "Be brief."}, {"role": "user", "content": "Say @plain now"}])
    second = ask(client, "Again.", previous_response_id=first.id)
    items = list(client.responses.input_items.list(first.id, order="asc", limit=1))
    assert [item.role for item in items] == ["system", "user"] and items[1].content[0].text == "Say @plain now"
    assert client.responses.input_items.list(first.id).data[0].id == items[1].id
    reference = ask(client, [{"type": "item_reference", "id": items[1].id}])
    assert reference.output_text == SCRIPTS["@plain"]
    client.responses.delete(first.id)
    for call in (client.responses.retrieve, client.responses.delete, client.responses.cancel, client.responses.input_items.list):
        with pytest.raises(openai.NotFoundError) as caught:
            call(first.id)
        assert caught.value.code == "response_not_found"
    with pytest.raises(openai.BadRequestError) as caught:
        ask(client, "Again.", previous_response_id=first.id)
    assert caught.value.code == "previous_response_not_found" and caught.value.param == "previous_response_id"
    assert ask(client, "Again.", previous_response_id=second.id).output_text == SCRIPTS["@plain"]


def test_what_is_not_stored_is_not_found(client):
    response = ask(client, "Say @plain now", store=False)
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(response.id)


def test_the_native_api_shares_the_store(server, client):
    response = ask(client, "Say @vault now")
    native = server.chat(model=TABLE, input="Again.", previous_response_id=response.id, temperature=0)
    assert native["output"][0]["content"] == SCRIPTS["@vault"]
    assert ask(client, "Again.", previous_response_id=native["response_id"]).output_text == SCRIPTS["@vault"]
    assert client.responses.retrieve(native["response_id"]).previous_response_id == response.id


def test_a_running_answer_is_cancelled(server, client):
    stream = client.responses.create(model=TABLE, input="Of @sea now", stream=True, temperature=0)
    events = iter(stream)
    created = next(events).response
    seen = []
    for event in events:
        seen.append(event)
        if len(seen) == 5:
            cancelled = client.responses.cancel(created.id)
            assert cancelled.status == "cancelled" and cancelled.id == created.id
    assert seen[-1].type == "response.incomplete" and seen[-1].response.status == "cancelled"
    assert seen[-1].response.output[0].status == "incomplete"
    wait_until(lambda: not server.busy(), what="the end of the generation")
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(created.id)


# Limits and errors


def test_the_limit_makes_it_incomplete(client):
    response = ask(client, "Please @plain now", max_output_tokens=3)
    assert response.status == "incomplete" and response.incomplete_details.reason == "max_output_tokens"
    assert response.output[0].status == "incomplete" and response.output_text == SCRIPTS["@plain"][:3]
    assert client.responses.retrieve(response.id).status == "incomplete"
    with client.responses.stream(model=TABLE, input="Please @plain now", max_output_tokens=3, temperature=0) as stream:
        assert [event.type for event in stream][-1] == "response.incomplete"
        with pytest.raises(RuntimeError):
            stream.get_final_response()
    call = ask(client, "Please @patch now", max_output_tokens=60, tools=[{"type": "custom", "name": "apply_patch"}]).output[0]
    assert call.status is None or call.to_dict()["status"] == "incomplete"


def test_an_overflow_is_an_event_of_a_stream_and_a_status_otherwise(client):
    long = "word " * 9000
    with pytest.raises(openai.BadRequestError) as caught:
        ask(client, long)
    assert caught.value.code == "context_length_exceeded" and caught.value.param == "input"
    assert "maximum context length is 4096 tokens" in caught.value.message
    events = list(ask(client, long, stream=True))
    assert [event.type for event in events] == ["response.created", "response.in_progress", "response.failed"]
    assert events[-1].response.error.code == "context_length_exceeded"


def test_truncation_drops_the_oldest_turns(client):
    turns = [{"role": "system", "content": "Stay."}]
    for number in range(12):
        turns += [{"role": "user", "content": f"{number} " + "x" * 600}, {"role": "assistant", "content": "ok"}]
    turns.append({"role": "user", "content": "Say @plain now"})
    with pytest.raises(openai.BadRequestError):
        ask(client, turns)
    response = ask(client, turns, truncation="auto")
    assert response.output_text == SCRIPTS["@plain"] and 2000 < response.usage.input_tokens < 4096
    assert response.truncation == "auto"


def test_errors(server, client):
    with pytest.raises(openai.NotFoundError) as caught:
        ask(client, "x", model="nobody")
    assert caught.value.code == "model_not_found" and caught.value.param == "model"
    refusals = [
        (dict(background=True), "background"), (dict(conversation="conv_1"), "conversation"),
        (dict(max_output_tokens=0), "max_output_tokens"), (dict(tools=[7]), "tools.0"),
        (dict(tool_choice="required"), "tool_choice"), (dict(temperature=3), "temperature"),
        (dict(input=[{"role": "user", "content": [{"type": "input_file", "file_id": "f"}]}]), "input.0.content.0.type"),
    ]
    for options, param in refusals:
        for stream in (False, True):
            with pytest.raises(openai.BadRequestError) as caught:
                ask(client, options.pop("input", "x"), stream=stream, **options)
            assert caught.value.param == param and caught.value.type == "invalid_request_error"
            if param.startswith("input"):
                break
    with pytest.raises(openai.PermissionDeniedError) as caught:
        ask(client, "x", tools=[{"type": "mcp", "server_label": "hub", "server_url": "https://hub.example/mcp"}])
    assert caught.value.code == "mcp_disabled"
    pixel = ("data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJ"
             "RU5ErkJggg==")
    with pytest.raises(openai.BadRequestError) as caught:
        ask(client, [{"role": "user", "content": [{"type": "input_image", "image_url": pixel}]}])
    assert caught.value.code == "model_type_mismatch"
    body = server.post("/v1/responses", {"model": TABLE, "input": 7}).json()
    assert sorted(body["error"]) == ["code", "message", "param", "type"]


def test_a_worker_that_dies_again_and_again_fails_the_response(fresh):
    server = fresh().start()
    client = openai.OpenAI(base_url=f"{server.url}/v1", api_key="anything", max_retries=0)
    events, killed = [], []
    for event in client.responses.create(model=KEY, input="Tell me a long story", max_output_tokens=3000, stream=True):
        events.append(event)
        if event.type == "response.output_text.delta":
            killed += server.kill_engines(besides=killed)
    assert events[-1].type == "response.failed" and events[-1].response.error.code == "server_error"
    assert events[-1].response.output[0].status == "incomplete"


def test_simultaneous_answers_do_not_mix(client):
    answers = {}

    def run(trigger):
        response, _ = final(client, f"Please {trigger} now")
        answers[trigger] = (response.id, response.output_text)

    threads = [threading.Thread(target=run, args=(trigger,)) for trigger in ("@plain", "@vault", "@seen", "@think")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert answers.pop("@think")[1] == "Thought about."
    assert {trigger: text for trigger, (_, text) in answers.items()} == {t: SCRIPTS[t] for t in answers}
    assert len({id for id, _ in answers.values()}) == 3
