"""LiteLLM, which translates between dialects by itself: chat, Anthropic's messages and Responses."""
import asyncio
import json

import litellm
import pytest
from conftest import ANSWER, MODEL, THOUGHT, URL, WORDS, weather_of

PROVIDERS = {
    "openai": {"model": f"openai/{MODEL}", "api_base": f"{URL}/v1"},
    "lm_studio": {"model": f"lm_studio/{MODEL}", "api_base": f"{URL}/v1"},
    "anthropic": {"model": f"anthropic/{MODEL}", "api_base": URL},
}
TOOLS = [{"type": "function", "function": {"name": "weather", "description": "The weather of a city.", "parameters": {
    "type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}}]


@pytest.fixture(params=PROVIDERS)
def provider(request):
    return {"api_key": "anything", "temperature": 0, "max_tokens": 300, "num_retries": 0} | PROVIDERS[request.param]


def test_a_tool_loop(provider):
    log, messages = [], [{"role": "user", "content": "the @weather of Oslo"}]
    for _ in range(4):
        message = litellm.completion(messages=messages, tools=TOOLS, **provider).choices[0].message
        messages.append(message.model_dump(exclude_none=True))
        if not message.tool_calls:
            break
        for call in message.tool_calls:
            messages.append({"role": "tool", "tool_call_id": call.id, "content": weather_of(json.loads(call.function.arguments)["city"], log)})
    assert message.content == ANSWER and log == ["Oslo"]


def test_streams(provider):
    pieces = list(litellm.completion(messages=[{"role": "user", "content": "say @plain words"}], stream=True, **provider))
    assert "".join(piece.choices[0].delta.content or "" for piece in pieces) == WORDS
    called = litellm.stream_chunk_builder(list(litellm.completion(
        messages=[{"role": "user", "content": "the @weather of Oslo"}], tools=TOOLS, stream=True, **provider)))
    [call] = called.choices[0].message.tool_calls
    assert (call.function.name, json.loads(call.function.arguments)) == ("weather", {"city": "Oslo"})


def test_the_asynchronous_call(provider):
    answer = asyncio.run(litellm.acompletion(messages=[{"role": "user", "content": "say @plain words"}], **provider))
    assert answer.choices[0].message.content == WORDS and answer.usage.total_tokens > 0


def test_reasoning_is_found():
    answer = litellm.completion(
        model=f"openai/{MODEL}", api_base=f"{URL}/v1", api_key="anything", messages=[{"role": "user", "content": "please @think hard"}])
    assert answer.choices[0].message.reasoning_content == THOUGHT


def test_responses():
    answer = litellm.responses(model=f"openai/{MODEL}", api_base=f"{URL}/v1", api_key="anything", input="say @plain words", temperature=0)
    assert [part.text for item in answer.output if item.type == "message" for part in item.content] == [WORDS]


def test_errors_keep_their_kind():
    with pytest.raises(litellm.NotFoundError):
        litellm.completion(model="openai/nobody", api_base=f"{URL}/v1", api_key="anything", messages=[{"role": "user", "content": "Hi"}])
    with pytest.raises(litellm.ContextWindowExceededError):
        litellm.completion(model=f"openai/{MODEL}", api_base=f"{URL}/v1", api_key="anything",
                           messages=[{"role": "user", "content": "word " * 20000}])
