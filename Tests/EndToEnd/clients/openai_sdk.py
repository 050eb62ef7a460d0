"""The official openai package: plain calls, streaming helpers, parsing helpers, tool loops. Runs with any major since 1."""
import json
import os

import openai
import pydantic
import pytest
from conftest import AFTER, ANSWER, BOTH_ANSWER, MODEL, THOUGHT, URL, WORDS, weather_of

MAJOR = int(openai.__version__.split(".")[0])


class Weather(pydantic.BaseModel):
    """The weather of a city."""
    city: str


class Report(pydantic.BaseModel):
    city: str
    degrees: int


@pytest.fixture(scope="module")
def client():
    return openai.OpenAI(base_url=f"{URL}/v1", api_key="anything", max_retries=0)


def chat(client, text, **options):
    return client.chat.completions.create(**{"model": MODEL, "messages": [{"role": "user", "content": text}], "temperature": 0} | options)


def test_plain_and_streamed_chat(client):
    plain = chat(client, "say @plain words")
    assert plain.choices[0].message.content == WORDS and plain.choices[0].finish_reason == "stop"
    pieces = list(chat(client, "say @plain words", stream=True, stream_options={"include_usage": True}))
    assert "".join(piece.choices[0].delta.content or "" for piece in pieces if piece.choices) == WORDS
    assert pieces[-1].usage.total_tokens == plain.usage.total_tokens


def test_the_chat_stream_helper(client):
    kinds = []
    with client.chat.completions.stream(
        model=MODEL, messages=[{"role": "user", "content": "say @plain words"}], temperature=0, stream_options={"include_usage": True}
    ) as stream:
        for event in stream:
            kinds.append(event.type)
        final = stream.get_final_completion()
    assert {"chunk", "content.delta", "content.done"} <= set(kinds)
    assert final.choices[0].message.content == WORDS and final.choices[0].message.role == "assistant" and final.usage.total_tokens > 0


def test_reasoning_stands_beside_the_content(client):
    message = chat(client, "please @think hard").choices[0].message
    assert message.content == AFTER and message.reasoning_content == THOUGHT


def test_parsed_answers(client):
    options = {"model": MODEL, "messages": [{"role": "user", "content": "as @json please"}], "temperature": 0, "response_format": Report}
    parse = client.chat.completions.parse if hasattr(client.chat.completions, "parse") else client.beta.chat.completions.parse
    assert parse(**options).choices[0].message.parsed == Report(city="Oslo", degrees=12)
    with client.chat.completions.stream(**options) as stream:
        assert stream.get_final_completion().choices[0].message.parsed == Report(city="Oslo", degrees=12)
    answer = client.responses.parse(model=MODEL, input="as @json please", temperature=0, text_format=Report)
    assert answer.output_parsed == Report(city="Oslo", degrees=12)


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("question, cities, answer", [
    ("the @weather of Oslo", ["Oslo"], ANSWER), ("the weather of @both cities", ["Oslo", "Bergen"], BOTH_ANSWER)])
def test_a_tool_loop_of_chat_completions(client, streamed, question, cities, answer):
    log, messages = [], [{"role": "user", "content": question}]
    tools = [openai.pydantic_function_tool(Weather, name="weather")]
    for _ in range(4):
        options = {"model": MODEL, "messages": messages, "tools": tools, "temperature": 0}
        if streamed:
            with client.chat.completions.stream(**options) as stream:
                choice = stream.get_final_completion().choices[0]
        else:
            choice = client.chat.completions.create(**options).choices[0]
        messages.append(choice.message.to_dict())
        if not choice.message.tool_calls:
            break
        assert choice.finish_reason == "tool_calls"
        for call in choice.message.tool_calls:
            messages.append({"role": "tool", "tool_call_id": call.id,
                             "content": weather_of(json.loads(call.function.arguments)["city"], log)})
    assert choice.message.content == answer and log == cities


def function_of(model, name):
    return openai.pydantic_function_tool(model, name=name)["function"] | {"type": "function"}


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("stored", [False, True])
def test_a_tool_loop_of_responses(client, streamed, stored):
    log, items, previous = [], [{"role": "user", "content": "the @weather of Oslo"}], None
    for _ in range(4):
        options = {"model": MODEL, "input": items, "tools": [function_of(Weather, "weather")], "temperature": 0, "store": stored}
        if previous:
            options["previous_response_id"] = previous
        if streamed:
            with client.responses.stream(**options) as stream:
                kinds = [event.type for event in stream]
                response = stream.get_final_response()
            assert kinds[0] == "response.created" and kinds[-1] == "response.completed"
        else:
            response = client.responses.create(**options)
        calls = [item for item in response.output if item.type == "function_call"]
        if not calls:
            break
        outputs = [{"type": "function_call_output", "call_id": call.call_id, "output": weather_of(json.loads(call.arguments)["city"], log)}
                   for call in calls]
        if stored:
            items, previous = outputs, response.id
        else:
            items = items + [item.to_dict() for item in response.output] + outputs
    assert response.output_text == ANSWER and log == ["Oslo"]
    if stored:
        assert client.responses.retrieve(response.id).output_text == ANSWER
        client.responses.delete(response.id)
        with pytest.raises(openai.NotFoundError):
            client.responses.retrieve(response.id)


@pytest.mark.parametrize("streamed", [False, True])
def test_tools_that_the_server_runs(client, streamed):
    tools = [{"type": "mcp", "server_label": "tools", "server_url": os.environ["ATELIER_TOOLS"], "require_approval": "never",
              "allowed_tools": ["say.text", "add", "fail"]}]

    def ask(text: str):
        options = {"model": MODEL, "input": text, "tools": tools, "temperature": 0}
        if not streamed:
            return client.responses.create(**options)
        with client.responses.stream(**options) as stream:
            kinds = [event.type for event in stream]
            assert {f"response.mcp_{kind}" for kind in ("list_tools.in_progress", "list_tools.completed", "call.in_progress",
                                                        "call_arguments.delta", "call_arguments.done")} <= set(kinds)
            return stream.get_final_response()

    good = ask("please @repeat it")
    listed, made, _ = good.output
    assert (listed.type, listed.server_label, listed.error) == ("mcp_list_tools", "tools", None)
    hints = {tool.name: tool.annotations for tool in listed.tools}
    assert hints == {"add": {"title": "Addition", "readOnlyHint": True}, "fail": None, "say.text": None}
    assert (made.type, made.name, made.output, made.error, made.status) == ("mcp_call", "say.text", "@rain", None, "completed")
    assert good.output_text == ANSWER
    bad = ask("please @refuse it")
    assert bad.output[1].output is None and bad.output[1].status == "failed" and bad.output_text == ANSWER
    if MAJOR >= 3:
        # Earlier types have a text here and take what comes.
        assert bad.output[1].error.type == "mcp_tool_execution_error" and "no @rain" in bad.output[1].error.content[0]["text"]


@pytest.mark.skipif(MAJOR < 3, reason="the runner came with 3")
@pytest.mark.parametrize("streamed", [False, True])
def test_the_tool_runner(client, streamed):
    from openai.lib._tools import pydantic_responses_function_tool
    from openai.lib.responses_tool_runner import RegisteredFunction, ResponsesToolRunner

    log = []
    weather = RegisteredFunction.from_tool(
        pydantic_responses_function_tool(Weather, name="weather"), execute=lambda weather: weather_of(weather.city, log))
    params = {"model": MODEL, "input": "the @weather of Oslo", "temperature": 0}
    assert ResponsesToolRunner(functions=[weather]).run(client, params, stream=streamed).output_text == ANSWER
    assert log == ["Oslo"]


def test_the_other_endpoints(client):
    assert MODEL in [model.id for model in client.models.list()]
    assert client.models.retrieve(MODEL).id == MODEL
    assert client.completions.create(model=MODEL, prompt="say @plain words", temperature=0, max_tokens=200).choices[0].text == WORDS
    with pytest.raises(openai.NotFoundError) as caught:
        chat(client, "Hi", model="nobody/nothing")
    assert caught.value.code == "model_not_found"
    with pytest.raises(openai.BadRequestError):
        chat(client, "Hi", temperature=3)


@pytest.mark.skipif(MAJOR < 2, reason="counting came with 2")
def test_counting_tokens(client):
    counted = client.responses.input_tokens.count(model=MODEL, input="say @plain words", instructions="Be brief.")
    answer = client.responses.create(model=MODEL, input="say @plain words", instructions="Be brief.", temperature=0)
    assert counted.input_tokens == answer.usage.input_tokens > 0


async def asked_without_waiting():
    async with openai.AsyncOpenAI(base_url=f"{URL}/v1", api_key="anything", max_retries=0) as client:
        async with client.chat.completions.stream(
            model=MODEL, messages=[{"role": "user", "content": "say @plain words"}], temperature=0) as stream:
            return (await stream.get_final_completion()).choices[0].message.content


def test_the_asynchronous_client():
    import asyncio
    assert asyncio.run(asked_without_waiting()) == WORDS
