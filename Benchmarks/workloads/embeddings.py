"""Embeddings of short texts, sixteen in a request, eight clients."""
import json

from harness import figures, text
from harness.workload import Goal, Side, Workload, chain

TEXTS = 16


class Embeddings(Workload):
    name = "embeddings"
    title = "MiniLM embeddings, 8 clients"
    model = "minilm"
    goals = [Goal("texts/s", "≥", 1.3)]

    def sides(self):
        return [Side("atelier", "atelier"), Side("peer", "peer", cells=4096, flags=("--embedding", "-b", "2048", "-ub", "2048"))]

    def chains(self, rng, name, model):
        def request(identifier: str) -> dict:
            body = {"model": name, "input": [text.sentence(rng, rng.randint(8, 24)) for _ in range(TEXTS)]}
            return {"id": identifier, "path": "/v1/embeddings", "body": json.dumps(body), "pause": 0}

        return [chain(*(request(f"{client}.{number}") for number in range(6))) for client in range(8)]

    def figures(self, answers):
        return {
            "texts/s": TEXTS * sum(a.ok for a in answers) / figures.span(answers),
            "latency p50 ms": figures.percentile([a.first_token for a in answers], 0.5) * 1000,
        }
