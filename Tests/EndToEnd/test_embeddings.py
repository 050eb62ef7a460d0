"""Embeddings and reranking with all-MiniLM-L6-v2."""
import math
import pathlib
import subprocess

import httpx
import openai
import pytest

from atelier_server import KEY, Server, wait_until

MODEL = "text-embedding-all-minilm-l6-v2"
SCRIPTS = pathlib.Path(__file__).parents[2] / "scripts"


@pytest.fixture(scope="module")
def server():
    path = subprocess.run([SCRIPTS / "test-models.sh", "minilm"], check=True, capture_output=True, text=True).stdout
    instance = Server()
    instance.add_model("sentence-transformers/all-MiniLM-L6-v2-GGUF/all-MiniLM-L6-v2.F16.gguf",
                       pathlib.Path(path.strip().splitlines()[-1]))
    try:
        yield instance.start()
    finally:
        instance.remove()


@pytest.fixture(scope="module")
def client(server):
    return openai.OpenAI(base_url=f"{server.url}/v1", api_key="anything", max_retries=0)


def cosine(left, right):
    return sum(a * b for a, b in zip(left, right))


def vectors(client, texts, **options):
    answer = client.embeddings.create(model=MODEL, input=texts, **options)
    assert [entry.index for entry in answer.data] == list(range(len(answer.data)))
    return [entry.embedding for entry in answer.data]


def test_base64_and_float_are_the_same_numbers(client):
    # Without a format the SDK asks for base64 and decodes it.
    encoded = vectors(client, ["The cat sat on the mat."])[0]
    plain = vectors(client, ["The cat sat on the mat."], encoding_format="float")[0]
    assert len(plain) == 384 and plain == pytest.approx(encoded, abs=1e-6)
    assert math.isclose(cosine(plain, plain), 1, rel_tol=1e-5)


def test_known_cosines(client):
    person, *others = vectors(client, ["That is a happy person", "That is a happy dog", "That is a very happy person",
                                       "Today is a sunny day"])
    assert [cosine(person, other) for other in others] == pytest.approx([0.6945, 0.9428, 0.2568], abs=0.002)


def test_meaning(client):
    cat, kitten, engine = vectors(client, ["A cat plays.", "A kitten is playing.", "The engine needs oil."])
    assert cosine(cat, kitten) > 0.6 > 0.3 > cosine(cat, engine)


def test_batches_do_not_change_a_vector(client):
    texts = [f"Sentence number {number} of a batch, {'long ' * number}" for number in range(20)]
    for text, together in zip(texts[::7], vectors(client, texts)[::7]):
        assert cosine(vectors(client, [text])[0], together) > 0.999


def test_usage_counts_special_tokens_of_texts_only(client):
    text = client.embeddings.create(model=MODEL, input="hello")
    assert text.usage.prompt_tokens == 3 == text.usage.total_tokens
    assert client.embeddings.create(model=MODEL, input=[101, 7592, 102]).usage.prompt_tokens == 3
    tokens = client.embeddings.create(model=MODEL, input=[[101, 7592, 102], [7592]])
    assert tokens.usage.prompt_tokens == 4 and len(tokens.data) == 2
    assert cosine(tokens.data[0].embedding, text.data[0].embedding) > 0.9999


def test_dimensions(client):
    short = vectors(client, ["Shorter."], dimensions=8)[0]
    whole = vectors(client, ["Shorter."])[0][:8]
    length = math.sqrt(cosine(whole, whole))
    assert short == pytest.approx([value / length for value in whole], abs=1e-5)
    with pytest.raises(openai.BadRequestError) as caught:
        vectors(client, ["x"], dimensions=385)
    assert caught.value.param == "dimensions"


@pytest.mark.parametrize("texts", ["", [], [""], [[]], ["a", ""]])
def test_empty_inputs_are_refused(server, texts):
    answer = server.post("/v1/embeddings", {"model": MODEL, "input": texts})
    assert answer.status_code == 400 and answer.json()["error"]["param"].startswith("input")


def test_errors(client, server):
    with pytest.raises(openai.BadRequestError) as caught:
        vectors(client, ["short", "word " * 2000])
    assert caught.value.code == "context_length_exceeded" and caught.value.param == "input.1"
    with pytest.raises(openai.BadRequestError) as caught:
        client.embeddings.create(model=KEY, input="x")
    assert caught.value.code == "model_type_mismatch" and caught.value.param == "model"
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": "x"}])
    assert caught.value.code == "model_type_mismatch"
    with pytest.raises(openai.NotFoundError):
        client.embeddings.create(model="none", input="x")


def test_a_client_that_leaves_frees_the_engine(client, server):
    vectors(client, ["loaded"])
    with pytest.raises(httpx.ReadTimeout):
        body = {"model": MODEL, "input": ["Some words that are many. " * 50] * 2000}
        httpx.post(f"{server.url}/v1/embeddings", json=body, timeout=httpx.Timeout(20, read=2))
    wait_until(lambda: not server.busy(), 20, "the freed engine")
    vectors(client, ["A short one is not behind the long one."])


def test_rerank(server):
    documents = ["Paris is the capital of France.", {"text": "Bread is baked in an oven."}, "Berlin is in Germany."]
    body = {"model": MODEL, "query": "What is France's capital?", "documents": documents}
    answer = server.post("/v1/rerank", body).json()
    scores = [result["relevance_score"] for result in answer["results"]]
    assert answer["results"][0]["index"] == 0 and scores == sorted(scores, reverse=True) and len(scores) == 3
    assert answer["usage"]["total_tokens"] > 0 and "document" not in answer["results"][0]
    top = server.post("/v1/rerank", body | {"top_n": 1, "return_documents": True}).json()["results"]
    assert [result["document"]["text"] for result in top] == [documents[0]]
    # Cohere's client has its own path, and reads the same members.
    cohere = server.post("/v2/rerank", body | {"top_n": 1}).json()["results"]
    assert [result["index"] for result in cohere] == [0] and cohere[0]["relevance_score"] == pytest.approx(scores[0], abs=1e-3)
    assert server.post("/v1/rerank", body | {"documents": []}).json()["error"]["param"] == "documents"
    assert server.post("/v1/rerank", body | {"model": "none"}).status_code == 404


def test_v0(server):
    answer = server.post("/api/v0/embeddings", {"model": MODEL, "input": "hello"}).json()
    assert answer["object"] == "list" and answer["model"] == f"{MODEL}@f16"
    assert len(answer["data"][0]["embedding"]) == 384 and answer["usage"]["prompt_tokens"] == 3
    entry = server.get(f"/api/v0/models/{MODEL}").json()
    assert entry["type"] == "embeddings" and entry["state"] == "loaded"
