import json

import openai
import pytest

from atelier_server import KEY

HELLO = [{"role": "user", "content": "Say hello."}]
STATS = {"tokens_per_second", "time_to_first_token", "generation_time", "stop_reason"}


def check_extras(body):
    assert body["stats"].keys() == STATS and body["stats"]["stop_reason"] in ("eosFound", "maxPredictedTokensReached")
    assert body["model_info"] == {"arch": "llama", "quant": "Q4_1", "format": "gguf", "context_length": 4096}
    assert body["runtime"].keys() == {"name", "version", "supported_formats"}
    assert body["runtime"]["supported_formats"] == ["gguf"]


def test_models_before_and_after_loading(fresh):
    server = fresh().start()
    before = server.get("/api/v0/models").json()
    assert before["object"] == "list"
    assert before["data"] == [{
        "id": KEY, "object": "model", "type": "llm", "publisher": "HuggingFaceTB", "arch": "llama",
        "compatibility_type": "gguf", "quantization": "Q4_1", "state": "not-loaded", "max_context_length": 8192,
        "capabilities": []}]
    server.post("/api/v1/models/load", {"model": KEY, "context_length": 512})
    server.post("/api/v1/models/load", {"model": KEY, "identifier": "a/b"})
    after = server.get("/api/v0/models").json()["data"]
    assert [(entry["id"], entry["state"], entry["loaded_context_length"]) for entry in after] == [
        (KEY, "loaded", 512), ("a/b", "loaded", 4096)]
    for path in ("a/b", "a%2Fb"):
        assert server.get(f"/api/v0/models/{path}").json()["id"] == "a/b"
    missing = server.get("/api/v0/models/none")
    assert missing.status_code == 404 and missing.json()["error"]["code"] == "model_not_found"


def test_chat(server):
    body = {"model": KEY, "messages": HELLO, "temperature": 0, "max_tokens": 8}
    answer = server.post("/api/v0/chat/completions", body).json()
    check_extras(answer)
    assert answer["object"] == "chat.completion" and answer["choices"][0]["logprobs"] is None
    same = server.post("/v1/chat/completions", body).json()
    assert same["choices"] == answer["choices"] and "model_info" not in same


@pytest.mark.parametrize("usage", [False, True])
def test_streams_end_with_the_three_objects(server, usage):
    frames = list(server.stream("/api/v0/chat/completions", messages=HELLO, max_tokens=4,
                                stream_options={"include_usage": usage}))
    assert frames[-1] == (None, "[DONE]")
    chunks = [json.loads(data) for _, data in frames[:-1]]
    finish = [chunk for chunk in chunks if chunk["choices"] and chunk["choices"][0]["finish_reason"]]
    check_extras(finish[0])
    check_extras(chunks[-1])
    assert bool(chunks[-1].get("usage")) == usage
    assert all("stats" not in chunk for chunk in chunks[:-2])


def test_completions(server):
    body = {"model": KEY, "prompt": "Once upon a", "temperature": 0, "max_tokens": 4}
    answer = server.post("/api/v0/completions", body).json()
    check_extras(answer)
    assert answer["object"] == "text_completion" and answer["choices"][0]["text"]
    frames = list(server.stream("/api/v0/completions", **body))
    chunks = [json.loads(data) for _, data in frames[:-1]]
    assert "".join(chunk["choices"][0]["text"] for chunk in chunks) == answer["choices"][0]["text"]
    check_extras(chunks[-1])


def test_the_openai_sdk_accepts_it(server):
    client = openai.OpenAI(base_url=f"{server.url}/api/v0", api_key="anything", max_retries=0)
    answer = client.chat.completions.create(model=KEY, messages=HELLO, max_tokens=2)
    assert answer.usage.completion_tokens == 2 and answer.model_info["format"] == "gguf"
    with pytest.raises(openai.NotFoundError) as caught:
        client.chat.completions.create(model="none", messages=HELLO)
    assert caught.value.code == "model_not_found" and caught.value.param == "model"
    with pytest.raises(openai.BadRequestError) as caught:
        client.completions.create(model=KEY, prompt="word " * 5000)
    assert caught.value.param == "prompt"
