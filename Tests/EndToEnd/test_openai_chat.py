import json

import openai
import pytest

from atelier_server import KEY


@pytest.fixture(scope="module")
def client(server):
    return openai.OpenAI(base_url=f"{server.url}/v1", api_key="anything", max_retries=0)


def ask(client, **options):
    body = {"model": KEY, "messages": [{"role": "user", "content": "Say hello."}], "temperature": 0, "max_tokens": 12}
    return client.chat.completions.create(**body | options)


def test_plain(client):
    answer = ask(client)
    assert answer.id.startswith("chatcmpl-") and answer.object == "chat.completion" and answer.model == KEY
    choice = answer.choices[0]
    assert choice.message.role == "assistant" and choice.message.content
    assert choice.finish_reason in ("stop", "length")
    usage = answer.usage
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens and usage.completion_tokens <= 12


def test_stream_equals_plain(client):
    plain = ask(client)
    chunks = list(ask(client, stream=True, stream_options={"include_usage": True}))
    assert chunks[0].choices[0].delta.role == "assistant"
    assert all(chunk.id == chunks[0].id and chunk.created == chunks[0].created for chunk in chunks)
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == plain.choices[0].message.content
    assert chunks[-1].choices == [] and chunks[-1].usage.prompt_tokens == plain.usage.prompt_tokens
    assert chunks[-1].usage.completion_tokens == plain.usage.completion_tokens
    reasons = [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices and chunk.choices[0].finish_reason]
    assert reasons == [plain.choices[0].finish_reason]


def test_stream_helper_accumulates(client):
    body = {"messages": [{"role": "user", "content": "Reply with the word yes."}], "max_tokens": 400}
    plain = ask(client, **body).choices[0]
    assert plain.finish_reason == "stop"
    with client.chat.completions.stream(model=KEY, temperature=0, **body) as stream:
        final = stream.get_final_completion()
    assert final.choices[0].message.role == "assistant"
    assert final.choices[0].message.content == plain.message.content


def test_stream_frames_on_the_wire(server):
    frames = list(server.stream("/v1/chat/completions", messages=[{"role": "user", "content": "Hi"}], max_tokens=4))
    assert all(name is None for name, _ in frames)
    assert frames[-1][1] == "[DONE]"
    chunks = [json.loads(data) for _, data in frames[:-1]]
    assert all(chunk["choices"] and "usage" not in chunk or chunk.get("usage") is None for chunk in chunks)
    assert "stats" in chunks[-1] and chunks[-1]["choices"][0]["finish_reason"]


def test_stop_strings_across_tokens(client):
    whole = ask(client, messages=[{"role": "user", "content": "Count from 1 to 9."}], max_tokens=48).choices[0].message.content
    middle = len(whole) // 2
    stop = whole[middle:middle + 5]
    cut = ask(client, messages=[{"role": "user", "content": "Count from 1 to 9."}], max_tokens=48, stop=[stop])
    assert cut.choices[0].message.content == whole[:whole.index(stop)]
    assert cut.choices[0].finish_reason == "stop"
    streamed = ask(client, messages=[{"role": "user", "content": "Count from 1 to 9."}], max_tokens=48, stop=stop, stream=True)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in streamed) == cut.choices[0].message.content


def test_limit_and_unlimited(client):
    assert ask(client, max_tokens=2).choices[0].finish_reason == "length"
    assert ask(client, max_tokens=-1, messages=[{"role": "user", "content": "Reply with the word yes."}]).choices[0].finish_reason == "stop"


def test_logit_bias_bans_and_forces(client, server):
    answer = ask(client, max_tokens=4, logit_bias={"28": 100}).choices[0].message.content
    assert len(set(answer.replace(" ", ""))) == 1, answer


def test_conversation_and_roles(client):
    messages = [
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "Hi"}]},
        {"role": "assistant", "content": "Hello."},
        {"role": "user", "content": "Bye"},
    ]
    assert ask(client, messages=messages).choices[0].message.content


def test_models(client):
    assert [model.id for model in client.models.list()] == [KEY]
    model = client.models.retrieve(KEY)
    assert model.id == KEY and model.owned_by == "organization_owner" and model.created > 0
    with pytest.raises(openai.NotFoundError) as caught:
        client.models.retrieve("nobody/nothing")
    assert caught.value.code == "model_not_found"


def test_errors_have_the_sdks_shape(client):
    with pytest.raises(openai.NotFoundError) as caught:
        ask(client, model="qwen-x")
    assert caught.value.code == "model_not_found" and caught.value.param == "model"
    with pytest.raises(openai.BadRequestError) as caught:
        ask(client, messages=[])
    assert caught.value.body["type"] == "invalid_request_error"
    with pytest.raises(openai.BadRequestError) as caught:
        ask(client, temperature=3)
    assert caught.value.param == "temperature"
    for stream in (False, True):
        with pytest.raises(openai.BadRequestError) as caught:
            ask(client, messages=[{"role": "user", "content": "word " * 9000}], stream=stream)
        assert caught.value.code == "context_length_exceeded" and caught.value.param == "messages"
        assert "maximum context length is 4096 tokens" in caught.value.message
