"""LangChain with its OpenAI and Anthropic packages: agents, bound tools, streams, structured output."""
import asyncio

import pydantic
import pytest
from conftest import ANSWER, BOTH_ANSWER, MODEL, URL, WORDS, weather_of
from langchain.agents import create_agent
from langchain_anthropic import ChatAnthropic
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI


def openai_model(**options):
    return ChatOpenAI(model=MODEL, base_url=f"{URL}/v1", api_key="anything", temperature=0, max_retries=0,
                      stream_usage=True, **options)


MODELS = {
    "chat": openai_model, "responses": lambda: openai_model(use_responses_api=True),
    "anthropic": lambda: ChatAnthropic(model=MODEL, base_url=URL, api_key="anything", max_retries=0, max_tokens=300),
}


class Report(pydantic.BaseModel):
    """A report of the weather."""
    city: str
    degrees: int


def tools(log):
    @tool
    def weather(city: str) -> str:
        """The weather of a city."""
        return weather_of(city, log)
    return [weather]


@pytest.fixture(params=MODELS)
def model(request):
    return MODELS[request.param]()


def text_of(message) -> str:
    return message.text() if callable(message.text) and not isinstance(message.text, str) else message.text


@pytest.mark.parametrize("question, cities, answer", [
    ("the @weather of Oslo", ["Oslo"], ANSWER), ("the weather of @both cities", ["Oslo", "Bergen"], BOTH_ANSWER)])
def test_an_agent(model, question, cities, answer):
    log = []
    state = create_agent(model, tools(log), system_prompt="Be brief.").invoke({"messages": [{"role": "user", "content": question}]})
    assert text_of(state["messages"][-1]) == answer and sorted(log) == sorted(cities)


def test_streams(model):
    whole = None
    for piece in model.stream("say @plain words"):
        whole = piece if whole is None else whole + piece
    assert text_of(whole) == WORDS and whole.usage_metadata["total_tokens"] > 0

    async def later():
        return "".join([text_of(piece) async for piece in model.astream("say @plain words")])

    assert asyncio.run(later()) == WORDS


def test_a_streamed_call(model):
    whole = None
    for piece in model.bind_tools(tools([])).stream("the @weather of Oslo"):
        whole = piece if whole is None else whole + piece
    assert [(call["name"], call["args"]) for call in whole.tool_calls] == [("weather", {"city": "Oslo"})]


@pytest.mark.parametrize("kind, method", [("chat", "json_schema"), ("chat", "json_mode"), ("chat", "function_calling"),
                                          ("responses", "json_schema"), ("anthropic", "json_schema"), ("anthropic", "function_calling")])
def test_structured_output(kind, method):
    question = "make a @report now" if method == "function_calling" else "as @json please"
    assert MODELS[kind]().with_structured_output(Report, method=method).invoke(question) == Report(city="Oslo", degrees=12)
