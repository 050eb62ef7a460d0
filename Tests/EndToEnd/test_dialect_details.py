"""Lesser parts of the chat, messages and completions endpoints, on a model that says what its scripts say."""
import json

import anthropic
import openai
import pytest

from atelier_server import Server
from table_model import CHATML, TableModel

MODEL = "table"
TEMPLATE = CHATML.replace("{% if add_generation_prompt %}", "{% if mood is defined %}{{ mood }}{% endif %}{% if add_generation_prompt %}")
THOUGHT = "abcdefghij" * 4
SCRIPTS = {
    "@plain": "A plain answer.",
    "@happy": "What a day!",
    "@ponder": f"<think>{THOUGHT}</think>Done.",
    "@time": '<tool_call>\n{"name": "get_time", "arguments": {"zone": "UTC"}}\n</tool_call>',
    "@noon": "It is noon.",
    "<|fim_middle|>": " + b",
}
FUNCTION = {"name": "get_time", "parameters": {"type": "object", "properties": {"zone": {"type": "string"}}}}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    model = TableModel(template=TEMPLATE, context_length=16384, controls=[
        "<|im_start|>", "<|im_end|>", "<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>"])
    for trigger, text in SCRIPTS.items():
        model.script(trigger, text)
    file = model.write(tmp_path_factory.mktemp("model") / "table.gguf")
    server = Server(model=False)
    server.add_model("tests/table/table.gguf", file)
    (server.home / "model-defaults.json").write_text(json.dumps({"table": {"llm.load.contextLength": 16384}}))
    try:
        yield server.start()
    finally:
        server.remove()


@pytest.fixture(scope="module")
def client(server):
    return openai.OpenAI(base_url=f"{server.url}/v1", api_key="anything", max_retries=0)


@pytest.fixture(scope="module")
def claude(server):
    return anthropic.Anthropic(base_url=server.url, api_key="anything", max_retries=0)


def chat(client, *messages, **options):
    return client.chat.completions.create(
        **{"model": MODEL, "messages": list(messages), "temperature": 0, "max_tokens": 200} | options)


def user(text):
    return {"role": "user", "content": text}


def test_legacy_functions(client):
    answer = chat(client, user("the @time please"), functions=[FUNCTION], function_call="auto").choices[0]
    assert answer.finish_reason == "function_call" and answer.message.tool_calls is None
    assert answer.message.function_call.name == "get_time"
    assert json.loads(answer.message.function_call.arguments) == {"zone": "UTC"}
    chunks = list(chat(client, user("the @time please"), functions=[FUNCTION], stream=True))
    pieces = [chunk.choices[0].delta.function_call for chunk in chunks if chunk.choices[0].delta.function_call]
    assert pieces[0].name == "get_time" and json.loads("".join(piece.arguments for piece in pieces)) == {"zone": "UTC"}
    last = chat(client, user("the @time please"), {"role": "assistant", "content": None, "function_call": {
        "name": "get_time", "arguments": "{}"}}, {"role": "function", "name": "get_time", "content": "12:00 so @noon"},
        functions=[FUNCTION]).choices[0]
    assert last.message.content == SCRIPTS["@noon"] and last.finish_reason == "stop"
    forced = chat(client, user("Hi"), functions=[FUNCTION], function_call={"name": "get_time"}, max_tokens=400).choices[0]
    assert forced.message.function_call.name == "get_time"


def test_an_assistant_turn_at_the_end_is_continued(client, claude):
    plain = chat(client, user("Say @plain now"))
    begun = chat(client, user("Say @plain now"), {"role": "assistant", "content": "Sure:"})
    assert begun.choices[0].message.content == SCRIPTS["@plain"]
    assert begun.usage.prompt_tokens == plain.usage.prompt_tokens + len("Sure:")
    message = claude.messages.create(model=MODEL, max_tokens=200, messages=[
        user("Say @plain now"), {"role": "assistant", "content": "Sure:"}], extra_body={"temperature": 0})
    assert [block.text for block in message.content] == [SCRIPTS["@plain"]]


def test_template_arguments(client):
    answer = chat(client, user("Say @plain now"), extra_body={"chat_template_kwargs": {"mood": "be @happy now"}})
    assert answer.choices[0].message.content == SCRIPTS["@happy"]


def test_several_choices(client):
    answer = chat(client, user("Say @plain now"), n=3)
    assert [choice.message.content for choice in answer.choices] == [SCRIPTS["@plain"]] * 3
    with client.chat.completions.stream(model=MODEL, messages=[user("Say @plain now")], n=2, temperature=0) as stream:
        final = stream.get_final_completion()
    assert [choice.message.content for choice in final.choices] == [SCRIPTS["@plain"]] * 2


def test_a_budget_ends_the_thinking(claude):
    def ask(**thinking):
        return claude.messages.create(model=MODEL, max_tokens=400, messages=[user("please @ponder it")], thinking=thinking,
                                      extra_body={"temperature": 0})

    free = ask(type="enabled", budget_tokens=1000)
    assert free.content[0].thinking == THOUGHT and free.content[1].text == "Done."
    for budget in (1, 12):
        held = ask(type="enabled", budget_tokens=budget)
        assert held.content[0].type == "thinking" and held.content[0].thinking == THOUGHT[:budget]
        assert held.content[1].type == "text" and held.content[1].text


def test_text_between_two_texts(client):
    def complete(**options):
        return client.completions.create(**{"model": MODEL, "prompt": "def add(a, b): return a", "suffix": "\n\nprint(add(1, 2))",
                                            "temperature": 0, "max_tokens": 50} | options)

    answer = complete()
    assert answer.choices[0].text == " + b" and answer.choices[0].finish_reason == "stop"
    assert answer.usage.prompt_tokens == 4 + len("def add(a, b): return a") + len("\n\nprint(add(1, 2))")
    assert "".join(chunk.choices[0].text for chunk in complete(stream=True)) == " + b"
    assert complete(echo=True).choices[0].text == "def add(a, b): return a + b"


# What people copy from LM Studio's documentation, and what agents send


def test_documented_samples_work_as_they_are(server):
    """With the oddities that the samples have: no version or key, "strict" as a string, no limit as -1, a result without an id."""
    schema = {"name": "joke", "strict": "true", "schema": {"type": "object", "properties": {"joke": {"type": "string"}}, "required": ["joke"]}}
    tool = {"type": "function", "function": FUNCTION | {"description": "The time."}}
    called = {"role": "assistant", "tool_calls": [
        {"id": "365174485", "type": "function", "function": {"name": "get_time", "arguments": '{"zone":"UTC"}'}}]}
    base = {"model": MODEL, "temperature": 0.7, "max_tokens": -1, "stream": False}
    for body in (
        base | {"messages": [{"role": "system", "content": "Always answer in rhymes."}, user("say it @plain please")]},
        base | {"messages": [user("a @happy joke please")], "max_tokens": 40, "response_format": {"type": "json_schema", "json_schema": schema}},
        base | {"messages": [user("the @time please")], "tools": [tool]},
        base | {"messages": [user("the @time please"), called, {"role": "tool", "content": "@noon it is now"}], "tools": [tool]},
    ):
        answer = server.post("/v1/chat/completions", body)
        assert answer.status_code == 200, answer.text
        assert answer.json()["choices"][0]["message"]["role"] == "assistant"
    assert answer.json()["choices"][0]["message"]["content"] == SCRIPTS["@noon"]
    claude = {"model": MODEL, "max_tokens": 256, "messages": [user("say it @plain please")]}
    assert server.post("/v1/messages", claude).json()["content"] == [{"type": "text", "text": SCRIPTS["@plain"]}]
    frames = list(server.stream("/v1/messages", **claude))
    assert frames[0][0] == "message_start" and frames[-1][0] == "message_stop"
    any_tool = claude | {"messages": [user("the @time please")], "tool_choice": {"type": "any"},
                         "tools": [{"name": "get_time", "description": "The time.", "input_schema": FUNCTION["parameters"]}]}
    answer = server.post("/v1/messages", any_tool).json()
    assert answer["stop_reason"] == "tool_use" and answer["content"][0]["name"] == "get_time"


def strange_schemas(count):
    """Schemas as agents send them: formats, patterns that no grammar can hold, references, unions, and none at all."""
    kinds = [
        {"type": "object", "properties": {"when": {"type": "string", "format": "date-time"}, "id": {"type": "string", "pattern": "^[a-z]{2,4}$"}}},
        {"type": "object", "properties": {"a": {"type": "string", "pattern": "^(?=x)(\\d)\\1$"}}},
        {"type": "object", "properties": {"b": {"anyOf": [{"type": "string"}, {"type": "null"}, {"$ref": "#/$defs/c"}]}},
         "$defs": {"c": {"type": "array", "items": {"$ref": "#/$defs/c"}}}},
        {"type": "object", "properties": {"d": {"$ref": "https://example.org/elsewhere.json"}}},
        {"$schema": "http://json-schema.org/draft-07/schema#", "type": "object", "additionalProperties": {"not": {}}, "if": {}, "then": {"minProperties": 3}},
        {"oneOf": [{"type": "object"}, {"type": "object", "patternProperties": {"^x-": {"type": "number"}}}]},
        {},
    ]
    return [kinds[place % len(kinds)] for place in range(count)]


def test_sixty_tools_with_strange_schemas(server):
    tools = [(f"tool_{place}", schema) for place, schema in enumerate(strange_schemas(60))] + [("get_time", FUNCTION["parameters"])]
    text = "the @time please"
    functions = [{"name": name, "parameters": schema} for name, schema in tools]
    context = {"model": MODEL, "temperature": 0}
    chat = server.post("/v1/chat/completions", context | {
        "messages": [user(text)], "max_tokens": 200, "tools": [{"type": "function", "function": function} for function in functions]})
    assert chat.status_code == 200, chat.text
    assert chat.json()["choices"][0]["message"]["tool_calls"][0]["function"]["name"] == "get_time"
    responses = server.post("/v1/responses", context | {
        "input": text, "max_output_tokens": 200, "tools": [{"type": "function"} | function for function in functions]})
    assert responses.status_code == 200, responses.text
    assert responses.json()["output"][0]["name"] == "get_time"
    messages = server.post("/v1/messages", context | {
        "messages": [user(text)], "max_tokens": 200,
        "tools": [{"name": name, "input_schema": schema} for name, schema in tools]})
    assert messages.status_code == 200, messages.text
    assert messages.json()["content"][0]["name"] == "get_time"
