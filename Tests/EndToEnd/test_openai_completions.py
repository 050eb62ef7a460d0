import openai
import pytest

from atelier_server import KEY


@pytest.fixture(scope="module")
def client(server):
    return openai.OpenAI(base_url=f"{server.url}/v1", api_key="anything", max_retries=0)


def complete(client, **options):
    return client.completions.create(
        **{"model": KEY, "prompt": "The capital of France is", "temperature": 0, "max_tokens": 8} | options)


def test_plain(client):
    answer = complete(client)
    assert answer.id.startswith("cmpl-") and answer.object == "text_completion" and answer.model == KEY
    choice = answer.choices[0]
    assert "Paris" in choice.text and choice.index == 0 and choice.logprobs is None
    assert choice.finish_reason == "length" and answer.usage.completion_tokens == 8
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + 8


def test_stream_equals_plain(client):
    plain = complete(client)
    chunks = list(complete(client, stream=True, stream_options={"include_usage": True}))
    assert all(chunk.id == chunks[0].id and chunk.object == "text_completion" for chunk in chunks)
    assert "".join(chunk.choices[0].text for chunk in chunks if chunk.choices) == plain.choices[0].text
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "length"
    assert chunks[-1].choices == [] and chunks[-1].usage.completion_tokens == 8


def test_echo_and_stop(client):
    whole = complete(client).choices[0].text
    assert complete(client, echo=True).choices[0].text == "The capital of France is" + whole
    streamed = complete(client, echo=True, stream=True)
    assert "".join(chunk.choices[0].text for chunk in streamed) == "The capital of France is" + whole
    cut = complete(client, stop=["Paris"])
    assert cut.choices[0].text == whole[:whole.index("Paris")] and cut.choices[0].finish_reason == "stop"


def test_several_prompts_and_samples(client):
    # Continuations without a close second: neighbours in a batch may change the last bits of a probability.
    prompts = ["The capital of France is", "One, two, three, four,"]
    single = [complete(client, prompt=prompt, max_tokens=3).choices[0].text for prompt in prompts]
    answer = complete(client, prompt=prompts, n=2, max_tokens=3)
    assert [choice.index for choice in answer.choices] == [0, 1, 2, 3]
    assert [choice.text for choice in answer.choices] == [single[0], single[0], single[1], single[1]]
    alone = sum(complete(client, prompt=prompt).usage.prompt_tokens for prompt in prompts)
    assert answer.usage.prompt_tokens == alone
    texts = {}
    for chunk in complete(client, prompt=prompts, n=2, max_tokens=3, stream=True):
        choice = chunk.choices[0]
        texts[choice.index] = texts.get(choice.index, "") + choice.text
    assert texts == dict(enumerate(choice.text for choice in answer.choices))


def test_token_prompts(client):
    answer = complete(client, prompt=[504, 1, 2], max_tokens=2)
    assert answer.usage.prompt_tokens == 3
    batch = complete(client, prompt=[[504], [504, 1]], max_tokens=2)
    assert len(batch.choices) == 2 and batch.usage.prompt_tokens == 3
    with pytest.raises(openai.BadRequestError) as caught:
        complete(client, prompt=[99_999_999])
    assert "no token" in caught.value.message


@pytest.mark.parametrize("prompt", [{}, {"prompt": None}, {"prompt": ""}])
def test_without_a_prompt_a_text_begins(server, prompt):
    answer = server.post("/v1/completions", {"model": KEY, "max_tokens": 3, "temperature": 0, "seed": 1} | prompt)
    assert answer.status_code == 200, answer.text
    assert answer.json()["usage"]["prompt_tokens"] == 1 and answer.json()["usage"]["completion_tokens"] == 3


def test_legacy_logprobs(client):
    # Without a penalty, greedy sampling takes the likeliest token.
    options = {"logprobs": 3, "extra_body": {"repeat_penalty": 1}}
    choice = complete(client, **options).choices[0]
    logprobs = choice.logprobs
    assert len(logprobs.tokens) == len(logprobs.token_logprobs) == len(logprobs.text_offset) == 8
    assert "".join(logprobs.tokens) == choice.text
    assert logprobs.text_offset == [len("".join(logprobs.tokens[:place])) for place in range(8)]
    assert all(value <= 0 for value in logprobs.token_logprobs)
    assert all(max(top.values()) == pytest.approx(value) for top, value in
               zip(logprobs.top_logprobs, logprobs.token_logprobs))
    streamed = [chunk.choices[0].logprobs for chunk in complete(client, stream=True, **options)]
    assert sum([part.tokens for part in streamed if part], []) == logprobs.tokens
    assert sum([part.text_offset for part in streamed if part], []) == logprobs.text_offset


def test_prompt_logprobs(client):
    # Without a penalty, greedy sampling takes the likeliest token.
    options = {"logprobs": 2, "echo": True, "extra_body": {"repeat_penalty": 1}}
    choice = complete(client, **options).choices[0]
    logprobs, answer = choice.logprobs, complete(client, **options | {"echo": False}).choices[0]
    assert choice.text == "The capital of France is" + answer.text == "".join(logprobs.tokens)
    count = len(logprobs.tokens) - 8
    assert logprobs.tokens[count:] == answer.logprobs.tokens and count > 1
    assert logprobs.token_logprobs[0] is None and logprobs.top_logprobs[0] is None
    assert all(value <= 0 and len(top) == 2 for value, top in zip(logprobs.token_logprobs[1:], logprobs.top_logprobs[1:]))
    assert logprobs.text_offset == [len("".join(logprobs.tokens[:place])) for place in range(count + 8)]
    # Read, a text is as likely as it was when it was written; the prompt's first run is in the cache by now.
    read = complete(client, prompt=choice.text, **options | {"max_tokens": 0})
    assert read.choices[0].text == choice.text and read.choices[0].finish_reason == "length"
    assert read.usage.completion_tokens == 0 and read.usage.prompt_tokens == len(read.choices[0].logprobs.tokens)
    assert read.choices[0].logprobs.tokens == logprobs.tokens
    assert read.choices[0].logprobs.token_logprobs[1:] == pytest.approx(logprobs.token_logprobs[1:], abs=0.15)
    chunks = [chunk.choices[0] for chunk in complete(client, stream=True, **options)]
    assert "".join(chunk.text for chunk in chunks) == choice.text and chunks[0].text == "The capital of France is"
    parts = [chunk.logprobs for chunk in chunks if chunk.logprobs]
    assert sum([part.tokens for part in parts], []) == logprobs.tokens
    assert sum([part.text_offset for part in parts], []) == logprobs.text_offset


def test_tokens_are_echoed_as_text(client):
    choice = complete(client, prompt=[504, 1, 2], echo=True, max_tokens=0).choices[0]
    scored = complete(client, prompt=[504, 1, 2], echo=True, max_tokens=0, logprobs=0).choices[0]
    # Special tokens are spelled out, as somebody wrote them.
    assert choice.logprobs is None and choice.text == scored.text == "".join(scored.logprobs.tokens) == "The<|im_start|><|im_end|>"
    assert len(scored.logprobs.token_logprobs) == 3 and scored.logprobs.top_logprobs is None


def test_long_prompts_are_scored_beside_others(client):
    # More rows than a step gives probabilities of, and two prompts at once.
    prompts = ["One, two, three, four, five. " * 30, "Red, green, blue. " * 40]
    alone = [complete(client, prompt=prompt, echo=True, logprobs=0, max_tokens=0).choices[0] for prompt in prompts]
    both = complete(client, prompt=prompts, echo=True, logprobs=0, max_tokens=0).choices
    for one, other, prompt in zip(alone, both, prompts):
        assert one.text == other.text == prompt and one.logprobs.tokens == other.logprobs.tokens
        assert one.logprobs.token_logprobs[1:] == pytest.approx(other.logprobs.token_logprobs[1:], abs=0.3)
        # What repeats itself is expected.
        assert sum(one.logprobs.token_logprobs[-50:]) > -25


@pytest.mark.parametrize("options, param", [
    ({"suffix": "end"}, "suffix"), ({"best_of": 3}, "best_of"), ({"logprobs": 6}, "logprobs"),
    ({"prompt": []}, "prompt"), ({"max_tokens": 0}, "max_tokens"), ({"extra_body": {"messages": []}}, "messages"),
])
def test_refusals(client, options, param):
    with pytest.raises(openai.BadRequestError) as caught:
        complete(client, **options)
    assert caught.value.param == param


def test_a_prompt_that_is_too_long(client):
    with pytest.raises(openai.BadRequestError) as caught:
        complete(client, prompt="word " * 5000)
    assert caught.value.code == "context_length_exceeded" and caught.value.param == "prompt"
    assert "your prompt resulted in" in caught.value.message
