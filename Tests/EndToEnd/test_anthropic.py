import json

import anthropic
import httpx
import pytest

from atelier_server import KEY, server_sent_events

HELLO = [{"role": "user", "content": "Say hello."}]


@pytest.fixture(scope="module")
def client(server):
    return anthropic.Anthropic(base_url=server.url, api_key="anything", max_retries=0)


def request(**options):
    return {"model": KEY, "max_tokens": 12, "messages": HELLO, "extra_body": {"temperature": 0}} | options


def full_prompt(usage):
    return usage.input_tokens + usage.cache_creation_input_tokens + usage.cache_read_input_tokens


def test_plain(client):
    answer = client.messages.create(**request())
    assert answer.id.startswith("msg_") and answer.type == "message" and answer.role == "assistant"
    assert answer.model == KEY and answer._request_id.startswith("req_")
    assert [block.type for block in answer.content] == ["text"] and answer.content[0].text
    assert answer.stop_reason in ("end_turn", "max_tokens") and answer.stop_sequence is None
    assert full_prompt(answer.usage) > 0 and 0 < answer.usage.output_tokens <= 12


@pytest.mark.parametrize("options", [{}, {"max_tokens": 1}, {"stop_sequences": ["e", "o"]}, {"max_tokens": 0}])
def test_stream_accumulates_to_the_plain_answer(client, options):
    plain = client.messages.create(**request(**options))
    with client.messages.stream(**request(**options)) as stream:
        streamed = stream.get_final_message()
    assert [block.model_dump(exclude={"parsed_output"}) for block in streamed.content] == [
        block.model_dump() for block in plain.content]
    assert (streamed.stop_reason, streamed.stop_sequence) == (plain.stop_reason, plain.stop_sequence)
    assert full_prompt(streamed.usage) == full_prompt(plain.usage)
    assert streamed.usage.output_tokens == plain.usage.output_tokens


def test_stop_sequence_is_named(client):
    whole = client.messages.create(**request(max_tokens=24)).content[0].text
    stop = whole[6:9]
    answer = client.messages.create(**request(max_tokens=24, stop_sequences=["never said", stop]))
    assert answer.stop_reason == "stop_sequence" and answer.stop_sequence == stop
    assert answer.content[0].text == whole[:whole.index(stop)]


def test_no_tokens_warm_the_cache(client):
    messages = [{"role": "user", "content": "Warm this prompt. " * 20}]
    warm = client.messages.create(**request(messages=messages, max_tokens=0))
    assert warm.content == [] and warm.stop_reason == "max_tokens" and warm.usage.output_tokens == 0
    answer = client.messages.create(**request(messages=messages))
    assert answer.usage.cache_read_input_tokens >= full_prompt(answer.usage) - 2


def test_frames_on_the_wire(server):
    frames = list(server.stream("/v1/messages?beta=true", max_tokens=4, messages=HELLO))
    names = [name for name, _ in frames]
    assert names[:3] == ["message_start", "ping", "content_block_start"]
    assert names[-3:] == ["content_block_stop", "message_delta", "message_stop"]
    assert set(names[3:-3]) == {"content_block_delta"}
    assert all(json.loads(data)["type"] == name for name, data in frames)


def test_neither_version_nor_key_is_needed(server):
    for headers in ({}, {"anthropic-version": "2099-01-01", "anthropic-beta": "unknown-2099-01-01"}):
        answer = httpx.post(server.url + "/v1/messages", timeout=60, headers=headers, content=json.dumps(
            {"model": KEY, "max_tokens": 2, "messages": HELLO}))
        assert answer.status_code == 200, answer.text
        assert answer.headers["request-id"] == answer.headers["x-request-id"]


def test_count_tokens_is_the_sum_of_the_counters(client):
    system = [{"type": "text", "text": "x-anthropic-billing-header: cch=1f;"}, {"type": "text", "text": "Be brief."}]
    for options in ({}, {"system": "Be brief."}, {"system": system}):
        count = client.messages.count_tokens(model=KEY, messages=HELLO, **options)
        answer = client.messages.create(**request(**options))
        assert count.input_tokens == full_prompt(answer.usage)
    beta = client.beta.messages.count_tokens(model=KEY, messages=HELLO)
    assert beta.input_tokens == client.messages.count_tokens(model=KEY, messages=HELLO).input_tokens


def test_counting_loads_nothing_and_agrees_with_what_is_loaded(fresh, models_zoo):
    server = fresh().add_models(models_zoo, "thinker", "counter").start()
    client = anthropic.Anthropic(base_url=server.url, api_key="anything", max_retries=0)
    tools = [{"name": "f", "input_schema": {"type": "object", "properties": {"x": {"type": "integer"}}}}]
    asked = [(model, options) for model in (KEY, "thinker", "counter") for options in (
        {}, {"tools": tools}, {"system": "Be brief.", "thinking": {"type": "enabled", "budget_tokens": 9}})]

    def count(model, options):
        return client.messages.count_tokens(model=model, messages=HELLO, **options).input_tokens

    counts = [count(*case) for case in asked]
    assert server.instances() == [] and server.loaded() == []
    for (model, options), before in zip(asked, counts):
        answer = client.messages.create(**request(model=model, max_tokens=1, **options))
        assert before == full_prompt(answer.usage) == count(model, options)


def test_system_message_in_the_middle(client):
    answer = client.messages.create(**request(messages=[
        {"role": "user", "content": "Hello"}, {"role": "system", "content": "Available agent types: none"},
        {"role": "assistant", "content": "Hi."}, {"role": "user", "content": "Say hello."}]))
    assert answer.content[0].text


def agent_turn(nonce):
    """A turn as Claude Code sends it."""
    return {
        "model": KEY, "max_tokens": 24, "temperature": 0, "thinking": {"type": "adaptive"},
        "output_config": {"effort": "medium"}, "metadata": {"user_id": "user_1"},
        "context_management": {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]},
        "system": [
            {"type": "text", "text": f"x-anthropic-billing-header: cc_version=2.1.0.a1b; cc_entrypoint=cli; cch={nonce};"},
            {"type": "text", "text": "You are a CLI agent. " * 40, "cache_control": {"type": "ephemeral"}}],
        "messages": [
            {"role": "user", "content": [
                {"type": "text", "text": "<system-reminder>Be careful.</system-reminder>"},
                {"type": "text", "text": "Tell me about files.", "cache_control": {"type": "ephemeral"}}]},
            {"role": "system", "content": "Available agent types: none"}],
    }


def test_the_second_turn_of_an_agent_reuses_the_first(server):
    first = agent_turn("0a1b2")
    answer = server.post("/v1/messages?beta=true", first)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    before = sum(body["usage"][key] for key in
                 ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens"))
    second = agent_turn("ffe01")
    second["messages"] += [{"role": "assistant", "content": body["content"]},
                           {"role": "user", "content": [{"type": "text", "text": "And folders?"}]}]
    answer = server.post("/v1/messages?beta=true", second)
    assert answer.status_code == 200, answer.text
    assert answer.json()["usage"]["cache_read_input_tokens"] >= 0.9 * before


def test_errors_have_the_sdks_shape(client, server):
    with pytest.raises(anthropic.NotFoundError) as caught:
        client.messages.create(**request(model="nobody/nothing"))
    error = caught.value
    assert error.body["error"]["type"] == "not_found_error" and error.body["request_id"] == error.request_id
    for options, message in (
        ({"messages": []}, "messages: at least one message is required"),
        ({"stop_sequences": [""]}, "stop_sequences: must have strings of 1 to 256 bytes"),
        ({"messages": [{"role": "user", "content": [{"type": "image", "source": {
            "type": "url", "url": "https://example.org/a.png"}}]}]},
         "messages.0.content.0.source: images are not fetched by this server; send the image itself as base64"),
    ):
        with pytest.raises(anthropic.BadRequestError) as caught:
            client.messages.create(**request(**options))
        assert caught.value.body["error"] == {"type": "invalid_request_error", "message": message}
    missing = server.post("/v1/messages", {"model": KEY, "messages": HELLO})
    assert missing.status_code == 400 and missing.json()["error"]["message"] == "max_tokens: Field required"
    nowhere = server.post("/v1/messages/batches", {})
    assert nowhere.status_code == 404 and nowhere.json()["error"]["type"] == "not_found_error"


@pytest.mark.parametrize("stream", [False, True])
def test_a_prompt_that_is_too_long(client, stream):
    with pytest.raises(anthropic.BadRequestError) as caught:
        client.messages.create(**request(messages=[{"role": "user", "content": "word " * 5000}], stream=stream))
    error = caught.value.body["error"]
    assert error["type"] == "invalid_request_error"
    assert error["message"].startswith("prompt is too long: ") and error["message"].endswith(" tokens > 4096 maximum")
    assert client.messages.create(**request()).content


def test_claude_names_mean_the_model_in_use(client):
    client.messages.create(**request())
    answer = client.messages.create(**request(model="claude-haiku-4-5"))
    assert answer.model == "claude-haiku-4-5" and answer.content[0].text
    assert client.messages.count_tokens(model="claude-haiku-4-5", messages=HELLO).input_tokens > 0


def test_claude_names_can_be_left_unknown(fresh):
    server = fresh(environment={"ATELIER_MAP_CLAUDE_NAMES": "false"}).start()
    body = {"model": KEY, "max_tokens": 1, "messages": HELLO}
    assert server.post("/v1/messages", body).status_code == 200
    assert server.post("/v1/messages", body | {"model": "claude-haiku-4-5"}).status_code == 404


def test_models_list(client):
    models = list(client.models.list())
    assert [model.id for model in models] == [KEY]
    assert models[0].type == "model" and models[0].display_name and models[0].created_at.year > 2000


def test_a_stream_that_breaks_raises(fresh):
    server = fresh().start()
    client = anthropic.Anthropic(base_url=server.url, api_key="anything", max_retries=0)
    killed = []
    with pytest.raises(anthropic.APIStatusError) as caught:
        with client.messages.stream(**request(
            max_tokens=3000, messages=[{"role": "user", "content": "Count from 1 to 1000."}],
            extra_body={"temperature": 0, "repeat_penalty": 1})) as stream:
            for event in stream:
                if event.type == "text":
                    killed += server.kill_engines(besides=killed)
    assert caught.value.body["error"]["type"] == "api_error" and caught.value.body["request_id"].startswith("req_")


def test_events_parse_as_a_stream(server):
    with httpx.stream("POST", server.url + "/v1/messages", timeout=60,
                      json={"model": KEY, "max_tokens": 3, "messages": HELLO, "stream": True}) as answer:
        assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert answer.headers["request-id"].startswith("req_")
        assert [name for name, _ in server_sent_events(answer.iter_text())][-1] == "message_stop"
