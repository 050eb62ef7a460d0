"""One-token answers to a prompt that the cache knows: what is left is one decode, queues and HTTP."""
from harness import figures, text
from harness.load import chat
from harness.workload import Goal, Workload, chain


class OneToken(Workload):
    def __init__(self, clients: int):
        self.clients = clients
        self.name = f"one-token-{clients}"
        self.title = f"1-token answers, {clients} client{'s' if clients > 1 else ''}"
        self.goals = [Goal("requests/s", "≥", 1.3)] if clients > 1 else []

    def chains(self, rng, name, model):
        count = 60 if self.clients == 1 else 50
        prompt = text.sentence(rng, 6)
        return [
            chain(*(chat(f"{client}.{number}", name, prompt, stream=False, max_tokens=1) for number in range(count)))
            for client in range(self.clients)
        ]

    def figures(self, answers):
        return {
            "requests/s": len(answers) / figures.span(answers),
            "latency p50 ms": figures.percentile([a.first_token for a in answers], 0.5) * 1000,
            "latency p99 ms": figures.percentile([a.first_token for a in answers], 0.99) * 1000,
        }
