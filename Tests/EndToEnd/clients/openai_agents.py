"""The OpenAI Agents SDK, over Responses (its own default) and over chat completions."""
import asyncio

import agents
import openai
import pydantic
import pytest
from conftest import ANSWER, BOTH_ANSWER, MODEL, URL, weather_of

agents.set_tracing_disabled(True)


class Report(pydantic.BaseModel):
    city: str
    degrees: int


def model_of(kind: str):
    client = openai.AsyncOpenAI(base_url=f"{URL}/v1", api_key="anything", max_retries=0)
    make = agents.OpenAIResponsesModel if kind == "responses" else agents.OpenAIChatCompletionsModel
    return make(model=MODEL, openai_client=client)


def agent(kind: str, log, **options):
    @agents.function_tool
    def weather(city: str) -> str:
        """The weather of a city."""
        return weather_of(city, log)

    return agents.Agent(**{
        "name": "Assistant", "instructions": "Be brief.", "model": model_of(kind), "tools": [weather],
        "model_settings": agents.ModelSettings(temperature=0)} | options)


@pytest.mark.parametrize("kind", ["responses", "chat"])
@pytest.mark.parametrize("question, cities, answer", [
    ("the @weather of Oslo", ["Oslo"], ANSWER), ("the weather of @both cities", ["Oslo", "Bergen"], BOTH_ANSWER)])
def test_a_tool_loop(kind, question, cities, answer):
    log = []
    result = asyncio.run(agents.Runner.run(agent(kind, log), question, max_turns=5))
    assert result.final_output == answer and sorted(log) == sorted(cities)


@pytest.mark.parametrize("kind", ["responses", "chat"])
def test_a_streamed_tool_loop(kind):
    log, texts = [], []

    async def run():
        result = agents.Runner.run_streamed(agent(kind, log), "the @weather of Oslo", max_turns=5)
        async for event in result.stream_events():
            if event.type == "raw_response_event" and event.data.type == "response.output_text.delta":
                texts.append(event.data.delta)
        return result.final_output

    assert asyncio.run(run()) == ANSWER == "".join(texts) and log == ["Oslo"]


@pytest.mark.parametrize("kind", ["responses", "chat"])
def test_structured_output(kind):
    result = asyncio.run(agents.Runner.run(agent(kind, [], tools=[], output_type=Report), "as @json please"))
    assert result.final_output == Report(city="Oslo", degrees=12)


@pytest.mark.parametrize("kind", ["responses", "chat"])
def test_a_handoff(kind):
    """An agent that hands over to another one does so by a tool call."""
    expert = agent(kind, [], name="expert", tools=[], handoff_description="Knows.")
    first = agent(kind, [], tools=[], handoffs=[expert])
    result = asyncio.run(agents.Runner.run(first, "please @handoff this", max_turns=5))
    assert result.last_agent is expert
