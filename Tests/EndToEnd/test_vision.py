"""Images through the whole house, on a model whose answer depends on the colour it is shown (vision_model.py)."""
import base64
import concurrent.futures
import os
import struct

import anthropic
import openai
import pytest

import native_grammar
from atelier_server import Server
from sample_images import BMP, GIF, JPEG, WEBP, WEBP_ANIMATION
from table_model import TableModel
from vision_model import COLOURS, KINDS, ROWS, ColourModel, png, write_random

KEY, BLIND, TORN = "colours", "blind", "torn"
SAYS = {"red": "I see red.", "blue": "I see blue.", "white": "I see white.", None: "I see nothing."}
RED, BLUE = png(40, 40, COLOURS["red"]), png(40, 40, COLOURS["blue"])
PATTERN = png(120, 90, lambda x, y: (x * 2, y * 2, x * y % 256))


def data_url(image: bytes, label: str = "image/png") -> str:
    return f"data:{label};base64,{base64.b64encode(image).decode()}"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    model = ColourModel()
    for colour in ("red", "blue", "white"):
        model.see(colour, SAYS[colour])
    model.otherwise(SAYS[None])
    instance = Server(model=False)
    instance.add_model(f"tests/{KEY}/{KEY}.gguf", model.write(folder / "colours.gguf"))
    instance.add_model(f"tests/{KEY}/mmproj-{KEY}.gguf", model.write_projector(folder / "mmproj.gguf"))
    blind = TableModel(name="Blind").otherwise("I am blind.").write(folder / "blind.gguf")
    instance.add_model(f"tests/{BLIND}/{BLIND}.gguf", blind)
    instance.add_model(f"tests/{TORN}/{TORN}.gguf", blind)
    instance.add_model(f"tests/{TORN}/mmproj-{TORN}.gguf", (folder / "mmproj.gguf").read_bytes()[:4000])
    for kind in KINDS:
        files = write_random(folder / kind, kind)
        instance.add_model(f"tests/random-{kind}/random-{kind}.gguf", files / "model.gguf")
        instance.add_model(f"tests/random-{kind}/mmproj-{kind}.gguf", files / "mmproj.gguf")
    try:
        yield instance.start()
    finally:
        instance.remove()


def native(server, *items, **options):
    parts = [{"type": "text", "content": item} if isinstance(item, str) else {"type": "image", "data_url": data_url(item)}
             for item in items]
    return server.post("/api/v1/chat", {"model": KEY, "input": parts, "max_output_tokens": 40, "temperature": 0} | options)


def said(answer) -> str:
    assert answer.status_code == 200, answer.text
    return answer.json()["output"][0]["content"]


def error(answer) -> dict:
    assert answer.status_code == 400, answer.text
    return answer.json()["error"]


@pytest.fixture(scope="module")
def client(server):
    return openai.OpenAI(base_url=f"{server.url}/v1", api_key="anything", max_retries=0)


@pytest.fixture(scope="module")
def claude(server):
    return anthropic.Anthropic(base_url=server.url, api_key="anything", max_retries=0)


def openai_chat(client, *parts, model=KEY, **options):
    content = [{"type": "text", "text": part} if isinstance(part, str) else
               {"type": "image_url", "image_url": {"url": data_url(part)}} for part in parts]
    return client.chat.completions.create(
        model=model, messages=[{"role": "user", "content": content}], **{"max_tokens": 40, "temperature": 0} | options)


def image_block(image: bytes, label: str = "image/png") -> dict:
    return {"type": "image", "source": {"type": "base64", "media_type": label, "data": base64.b64encode(image).decode()}}


def test_the_list_says_who_sees(server):
    models = {entry["key"]: entry for entry in server.get("/api/v1/models").json()["models"]}
    assert models[KEY]["capabilities"]["vision"] is True and models[BLIND]["capabilities"]["vision"] is False
    files = list((server.home / "models/tests" / KEY).iterdir())
    assert len(files) == 2 and models[KEY]["size_bytes"] == sum(file.stat().st_size for file in files)
    kinds = {entry["id"]: entry["type"] for entry in server.get("/api/v0/models").json()["data"]}
    assert kinds[KEY] == "vlm" and kinds[BLIND] == "llm"


def test_native_chat_sees_and_counts(server):
    assert said(native(server, "What is this?", RED)) == SAYS["red"]
    assert said(native(server, BLUE, "What is this?")) == SAYS["blue"]
    assert said(native(server, "What is this?", PATTERN)) == SAYS[None]
    blind = native(server, "What is this?").json()
    seeing = native(server, "What is this?", RED).json()
    assert blind["output"][0]["content"] == SAYS[None]
    assert seeing["stats"]["input_tokens"] == blind["stats"]["input_tokens"] + ROWS


def test_streamed_and_plain_answers_agree(server):
    body = {"model": KEY, "input": [{"type": "image", "data_url": data_url(BLUE)}], "temperature": 0, "store": False}
    result = native_grammar.check(server.native_events(**body))
    assert result["output"][0]["content"] == SAYS["blue"]
    assert result["stats"]["input_tokens"] == server.post("/api/v1/chat", body).json()["stats"]["input_tokens"]


def test_the_last_image_counts_and_history_keeps_its_images(server):
    first = native(server, "Look", RED).json()
    follow = {"previous_response_id": first["response_id"]}
    again = native(server, "And what was it?", **follow).json()
    assert again["output"][0]["content"] == SAYS["red"], "the image of the turn before"
    assert said(native(server, "And this?", BLUE, **follow)) == SAYS["blue"]
    assert said(native(server, "Which?", previous_response_id=again["response_id"])) == SAYS["red"]
    blind = error(native(server, "Which?", model=BLIND, **follow))
    assert blind["code"] == "unsupported_modality"


@pytest.mark.parametrize("image, label", [
    (RED, "image/png"), (JPEG, "image/jpeg"), (WEBP, "image/webp"), (GIF, "image/gif"), (BMP, "image/bmp"),
    (JPEG, "image/png")])
def test_every_format_by_its_content(client, image, label):
    parts = [{"type": "text", "text": "See"}, {"type": "image_url", "image_url": {"url": data_url(image, label)}}]
    answer = client.chat.completions.create(model=KEY, messages=[{"role": "user", "content": parts}], temperature=0, max_tokens=40)
    assert answer.choices[0].message.content == SAYS["red"]


def test_openai_forms(client):
    assert openai_chat(client, RED, "or rather this one:", BLUE, "?").choices[0].message.content == SAYS["blue"]
    plain = [{"type": "image_url", "image_url": data_url(RED)}]
    answer = client.chat.completions.create(model=KEY, messages=[{"role": "user", "content": plain}], temperature=0, max_tokens=40)
    assert answer.choices[0].message.content == SAYS["red"]
    call = {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    messages = [{"role": "user", "content": "Look"}, {"role": "assistant", "content": None, "tool_calls": [call]},
                {"role": "tool", "tool_call_id": "call_1", "content": [{"type": "image_url", "image_url": {"url": data_url(BLUE)}}]}]
    tools = [{"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}]
    for options in ({}, {"tools": tools}):
        answer = client.chat.completions.create(model=KEY, messages=messages, temperature=0, max_tokens=40, **options)
        assert answer.choices[0].message.content == SAYS["blue"]


def test_anthropic_forms(claude):
    request = {"model": KEY, "max_tokens": 40, "extra_body": {"temperature": 0}}
    messages = [{"role": "user", "content": [image_block(RED), {"type": "text", "text": "What?"}]}]
    answer = claude.messages.create(messages=messages, **request)
    assert answer.content[0].text == SAYS["red"]
    usage = answer.usage
    counted = claude.messages.count_tokens(model=KEY, messages=messages).input_tokens
    assert counted == usage.input_tokens + usage.cache_creation_input_tokens + usage.cache_read_input_tokens
    messages = [
        {"role": "user", "content": "Look"},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "toolu_1", "name": "look", "input": {}}]},
        {"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": "toolu_1", "content": [image_block(JPEG, "image/jpeg")]}]}]
    assert claude.messages.create(messages=messages, **request).content[0].text == SAYS["red"]


def test_a_known_image_is_read_from_the_cache(client):
    text = os.urandom(8).hex()
    first = openai_chat(client, text, RED, "What is this?")
    second = openai_chat(client, text, RED, "What is this?")
    other = openai_chat(client, text, BLUE, "What is this?")
    before_image = other.usage.prompt_tokens_details.cached_tokens
    assert second.usage.prompt_tokens_details.cached_tokens == second.usage.prompt_tokens - 1
    assert 0 < before_image < second.usage.prompt_tokens_details.cached_tokens - ROWS
    assert [answer.choices[0].message.content for answer in (first, second, other)] == [SAYS["red"], SAYS["red"], SAYS["blue"]]


def test_large_images_are_scaled(server):
    assert said(native(server, "Look", png(2000, 2000, COLOURS["blue"]))) == SAYS["blue"]
    assert said(native(server, "Look", png(1, 1, COLOURS["white"]))) == SAYS["white"]


BROKEN = {"half a PNG": PATTERN[:len(PATTERN) // 2], "half a JPEG": JPEG[:-120], "half a WebP": WEBP[:-30],
          "half a GIF": GIF[:-30], "an animation": WEBP_ANIMATION, "bits": RED[:50] + b"\xff" + RED[51:]}


@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_image_is_refused_and_nothing_else(server, client, claude, what):
    image = BROKEN[what]
    refused = error(native(server, "Look", image))
    assert refused["code"] == "invalid_image" and refused["param"] == "input"
    assert "/" not in refused["message"] and "Image 1" in refused["message"]
    with pytest.raises(openai.BadRequestError) as caught:
        openai_chat(client, image)
    assert caught.value.code == "invalid_image"
    with pytest.raises(anthropic.BadRequestError):
        claude.messages.create(model=KEY, max_tokens=4, messages=[{"role": "user", "content": [image_block(image)]}])
    workers = server.workers()
    assert said(native(server, "Look", RED)) == SAYS["red"] and server.workers() == workers


def test_images_beyond_the_limits_are_refused_by_their_header(server):
    def header(width, height):
        return b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sIIBBBBB", 13, b"IHDR", width, height, 8, 2, 0, 0, 0)

    for width, height in ((16385, 1), (8000, 8000), (0, 5)):
        # No server that decoded anything could say more than "damaged" of a header without a picture.
        refused = error(native(server, "Look", header(width, height)))
        assert refused["code"] == "invalid_image" and "pixels" in refused["message"]
    assert error(native(server, *[RED] * 17))["code"] == "invalid_value"


def test_a_model_without_vision_refuses_images(server, client):
    assert error(native(server, "Look", RED, model=BLIND))["code"] == "unsupported_modality"
    with pytest.raises(openai.BadRequestError) as caught:
        openai_chat(client, RED, model=BLIND)
    assert caught.value.code == "model_type_mismatch"


def test_a_projector_that_cannot_be_used_leaves_the_text(server):
    assert said(native(server, "Hello", model=TORN)) == "I am blind."
    entry = [entry for entry in server.get("/api/v1/models").json()["models"] if entry["key"] == TORN]
    if entry[0]["capabilities"]["vision"]:
        refused = error(native(server, "Look", RED, model=TORN))
        assert refused["code"] == "unsupported_modality" and "projector" in refused["message"]


def test_images_count_for_the_context(server):
    server.post("/api/v1/models/load", {"model": KEY, "context_length": 256, "identifier": "short"})
    words = "x" * 200
    assert said(native(server, words, RED, model="short")) == SAYS["red"]
    refused = error(native(server, words, *[RED] * 16, model="short"))
    assert refused["code"] == "context_length_exceeded"
    assert said(native(server, RED, model="short")) == SAYS["red"]


def test_images_beside_streams(server):
    items = [("What is this?", RED), (BLUE, "And this?"), ("Nothing",), ("Look at", PATTERN)] * 3
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda item: said(native(server, *item, store=False)), items))
    assert answers == [SAYS["red"], SAYS["blue"], SAYS[None], SAYS[None]] * 3


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_rows(client, kind):
    ask = {"model": f"random-{kind}", "max_tokens": 12, "logprobs": True}
    first, second = (openai_chat(client, "What is ", PATTERN, "this?", **ask) for _ in range(2))
    other = openai_chat(client, "What is ", RED, "this?", **ask)
    cached = second.usage.prompt_tokens_details.cached_tokens
    assert cached == second.usage.prompt_tokens - 1
    values = [[token.logprob for token in answer.choices[0].logprobs.content] for answer in (first, second, other)]
    assert first.choices[0].message.content == second.choices[0].message.content
    assert values[0] == pytest.approx(values[1], abs=0.02) and values[0] != pytest.approx(values[2], abs=1e-3)
