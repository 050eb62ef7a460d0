"""The official anthropic package: plain calls, the streaming helper, tool loops, the tool runner. Runs with any major."""
import asyncio

import anthropic
import pytest
from conftest import AFTER, ANSWER, BOTH_ANSWER, MODEL, THOUGHT, URL, WORDS, weather_of

TOOL = {"name": "weather", "description": "The weather of a city.", "input_schema": {
    "type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"], "additionalProperties": False}}


@pytest.fixture(scope="module")
def client():
    return anthropic.Anthropic(base_url=URL, api_key="anything", max_retries=0)


def request(text, **options):
    return {"model": MODEL, "max_tokens": 300, "messages": [{"role": "user", "content": text}], "extra_body": {"temperature": 0}} | options


def test_plain_and_streamed(client):
    plain = client.messages.create(**request("say @plain words"))
    assert [block.type for block in plain.content] == ["text"] and plain.content[0].text == WORDS
    with client.messages.stream(**request("say @plain words")) as stream:
        text = "".join(stream.text_stream)
        final = stream.get_final_message()
    assert text == WORDS == final.content[0].text and final.stop_reason == plain.stop_reason == "end_turn"
    assert final.usage.output_tokens == plain.usage.output_tokens
    raw = list(client.messages.create(**request("say @plain words", stream=True)))
    assert raw[0].type == "message_start" and raw[-1].type == "message_stop"


def test_thinking_is_a_block_that_can_come_back(client):
    options = {"thinking": {"type": "enabled", "budget_tokens": 1024}, "max_tokens": 2048}
    with client.messages.stream(**request("please @think hard", **options)) as stream:
        thinking, text = stream.get_final_message().content
    assert (thinking.type, thinking.thinking, text.text) == ("thinking", THOUGHT, AFTER) and thinking.signature
    messages = [{"role": "user", "content": "please @think hard"}, {"role": "assistant", "content": [thinking.model_dump(), {"type": "text", "text": AFTER}]},
                {"role": "user", "content": "say @plain words"}]
    assert client.messages.create(**request("", messages=messages, **options)).content[0].text == WORDS


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("question, cities, answer", [
    ("the @weather of Oslo", ["Oslo"], ANSWER), ("the weather of @both cities", ["Oslo", "Bergen"], BOTH_ANSWER)])
def test_a_tool_loop(client, streamed, question, cities, answer):
    log, messages = [], [{"role": "user", "content": question}]
    for _ in range(4):
        options = request("", messages=messages, tools=[TOOL])
        if streamed:
            with client.messages.stream(**options) as stream:
                message = stream.get_final_message()
        else:
            message = client.messages.create(**options)
        calls = [block for block in message.content if block.type == "tool_use"]
        if not calls:
            break
        assert message.stop_reason == "tool_use"
        messages.append({"role": "assistant", "content": [{key: getattr(block, key) for key in ("type", "id", "name", "input")} for block in calls]})
        messages.append({"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": call.id, "content": weather_of(call.input["city"], log)} for call in calls]})
    assert message.content[0].text == answer and log == cities


@pytest.mark.skipif(not hasattr(anthropic, "beta_tool"), reason="the runner came later")
@pytest.mark.parametrize("streamed", [False, True])
def test_the_tool_runner(client, streamed):
    log = []

    @anthropic.beta_tool
    def weather(city: str) -> str:
        """The weather of a city.

        Args:
            city: Where.
        """
        return weather_of(city, log)

    options = {key: value for key, value in request("the @weather of Oslo").items()}
    runner = client.beta.messages.tool_runner(tools=[weather], stream=streamed, **options)
    if streamed:
        for stream in runner:
            final = stream.get_final_message()
    else:
        final = runner.until_done()
    assert final.content[0].text == ANSWER and log == ["Oslo"]


def test_counting_and_errors(client):
    count = client.messages.count_tokens(model=MODEL, messages=[{"role": "user", "content": "say @plain words"}], tools=[TOOL])
    usage = client.messages.create(**request("say @plain words", tools=[TOOL])).usage
    assert count.input_tokens == usage.input_tokens + (usage.cache_read_input_tokens or 0) + (usage.cache_creation_input_tokens or 0)
    assert MODEL in [model.id for model in client.models.list()]
    with pytest.raises(anthropic.NotFoundError):
        client.messages.create(**request("Hi", model="nobody/nothing"))


def test_the_asynchronous_client():
    async def ask():
        async with anthropic.AsyncAnthropic(base_url=URL, auth_token="anything", max_retries=0) as client:
            async with client.messages.stream(**request("say @plain words")) as stream:
                return await stream.get_final_text()

    assert asyncio.run(ask()) == WORDS
