"""Every way of pooling, and a cross-encoder, with models whose right answers are computed here."""
import concurrent.futures
import random

import gguf
import numpy
import pytest

from atelier_server import Server
from table_model import TableModel
from tiny_bert import TinyBert

WORDS = """river stone garden window paper music market doctor letter bread summer winter light bridge teacher force""".split()
TOLERANCE = 4e-3  # half-precision attention


@pytest.fixture(scope="module")
def models():
    return {
        "ranker": TinyBert(WORDS, gguf.PoolingType.RANK, seed=1),
        "cls": TinyBert(WORDS, gguf.PoolingType.CLS, seed=2),
        "mean": TinyBert(WORDS, gguf.PoolingType.MEAN, seed=3),
    }


@pytest.fixture(scope="module")
def server(models, tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    instance = Server(model=False)
    for name, model in models.items():
        instance.add_model(f"tests/{name}/{name}.gguf", model.write(folder / f"{name}.gguf"))
    # A decoder that pools its last token: a trigger in the text decides what comes next, and so what the token holds.
    decoder = TableModel(template=None).script("@weather", "rain").script("@sea", "waves")
    path = decoder.write(folder / "last.gguf", pooling=gguf.PoolingType.LAST)
    instance.add_model("tests/last/last.gguf", path)
    try:
        yield instance.start()
    finally:
        instance.remove()


def texts(seed: int, count: int, words: int = 20) -> list[str]:
    generator = random.Random(seed)
    return [" ".join(generator.choices(WORDS, k=generator.randint(1, words))) for _ in range(count)]


def embed(server, model: str, inputs) -> numpy.ndarray:
    answer = server.post("/v1/embeddings", {"model": f"text-embedding-{model}", "input": inputs})
    assert answer.status_code == 200, answer.text
    return numpy.array([entry["embedding"] for entry in answer.json()["data"]])


def rank(server, query: str, documents: list[str]) -> tuple[list[float], dict]:
    """Scores in the documents' order."""
    body = {"model": "text-embedding-ranker", "query": query, "documents": documents}
    answer = server.post("/v1/rerank", body)
    assert answer.status_code == 200, answer.text
    results = answer.json()["results"]
    assert [result["relevance_score"] for result in results] == sorted(
        (result["relevance_score"] for result in results), reverse=True)
    return [result["relevance_score"] for result in sorted(results, key=lambda entry: entry["index"])], answer.json()["usage"]


def test_a_cross_encoder_scores_pairs(server, models):
    documents = texts(1, 100)
    scores, usage = rank(server, "river stone", documents)
    expected = [models["ranker"].score("river stone", document) for document in documents]
    assert max(expected) - min(expected) > 0.3, "the model tells documents apart"
    assert scores == pytest.approx(expected, abs=TOLERANCE)
    assert usage["total_tokens"] == sum(len(models["ranker"].pair("river stone", document)) for document in documents)


def test_a_long_document_is_cut(server, models):
    documents = [" ".join(WORDS * 10), "stone " + " ".join(WORDS * 10)]
    scores, usage = rank(server, "bread", documents)
    assert scores == pytest.approx([models["ranker"].score("bread", document) for document in documents], abs=TOLERANCE)
    assert usage["total_tokens"] == 2 * 64
    answer = server.post("/v1/rerank", {"model": "text-embedding-ranker", "query": " ".join(WORDS * 5), "documents": ["stone"]})
    assert answer.status_code == 400 and answer.json()["error"]["param"] == "query"


def test_a_cross_encoder_gives_no_embeddings(server):
    answer = server.post("/v1/embeddings", {"model": "text-embedding-ranker", "input": "river"})
    assert answer.status_code == 400 and answer.json()["error"]["code"] == "model_type_mismatch"


@pytest.mark.parametrize("name", ["cls", "mean"])
def test_an_encoders_vectors(server, models, name):
    inputs = texts(2, 150)
    vectors = embed(server, name, inputs)
    expected = numpy.array([models[name].vector(models[name].text(text)) for text in inputs])
    assert vectors == pytest.approx(expected, abs=TOLERANCE)


def test_many_clients_at_once_get_what_each_gets_alone(server, models):
    model = models["mean"]
    requests = [texts(seed, 1 + seed % 40) for seed in range(100, 148)]
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda inputs: embed(server, "mean", inputs), requests))
    for inputs, vectors in zip(requests, answers):
        assert vectors == pytest.approx(numpy.array([model.vector(model.text(text)) for text in inputs]), abs=TOLERANCE)


def test_a_decoder_pools_its_last_token(server):
    first, other, both, sea, plain = embed(server, "last", [
        "today I ask about the @weather of this place", "a question: the @weather, and what of this place",
        "not the @sea that I saw in summer but only the @weather of this place", "today I ask about the @sea of this place",
        "today I ask about the food of this place"])
    assert first @ other > 0.9999 and first @ both > 0.9999
    assert first @ sea < 0.99 and first @ plain < 0.99 and sea @ plain < 0.99
    # The memory of one call must not reach the next.
    for _ in range(3):
        assert embed(server, "last", "today I ask about the food of this place")[0] @ plain > 0.9999
