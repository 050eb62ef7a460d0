"""Pydantic AI over chat completions, Responses and Anthropic's messages."""
import asyncio

import pydantic
import pytest
from conftest import ANSWER, BOTH_ANSWER, MODEL, URL, WORDS, weather_of
from pydantic_ai import Agent, NativeOutput
from pydantic_ai.models.anthropic import AnthropicModel
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
from pydantic_ai.providers.anthropic import AnthropicProvider
from pydantic_ai.providers.openai import OpenAIProvider

MODELS = {
    "chat": lambda: OpenAIChatModel(MODEL, provider=OpenAIProvider(base_url=f"{URL}/v1", api_key="anything")),
    "responses": lambda: OpenAIResponsesModel(MODEL, provider=OpenAIProvider(base_url=f"{URL}/v1", api_key="anything")),
    "anthropic": lambda: AnthropicModel(MODEL, provider=AnthropicProvider(base_url=URL, api_key="anything")),
}


class Report(pydantic.BaseModel):
    city: str
    degrees: int


@pytest.fixture(params=MODELS)
def model(request):
    return MODELS[request.param]()


@pytest.mark.parametrize("question, cities, answer", [
    ("the @weather of Oslo", ["Oslo"], ANSWER), ("the weather of @both cities", ["Oslo", "Bergen"], BOTH_ANSWER)])
def test_a_tool_loop(model, question, cities, answer):
    log = []
    agent = Agent(model, instructions="Be brief.", model_settings={"temperature": 0, "max_tokens": 300})

    @agent.tool_plain
    def weather(city: str) -> str:
        """The weather of a city."""
        return weather_of(city, log)

    result = agent.run_sync(question)
    assert result.output == answer and sorted(log) == sorted(cities)
    assert result.usage.output_tokens > 0 if not callable(result.usage) else result.usage().output_tokens > 0


def test_a_stream(model):
    async def run():
        async with Agent(model).run_stream("say @plain words") as result:
            return [text async for text in result.stream_text(delta=True)]

    assert "".join(asyncio.run(run())) == WORDS


def test_output_by_a_tool(model):
    """The usual way: the output is the arguments of a call that is required."""
    assert Agent(model, output_type=Report).run_sync("the @result please").output == Report(city="Oslo", degrees=12)


@pytest.mark.parametrize("kind", ["chat", "responses"])
def test_output_by_a_schema(kind):
    assert Agent(MODELS[kind](), output_type=NativeOutput(Report)).run_sync("as @json please").output == Report(city="Oslo", degrees=12)
