"""Short questions, answers of 128 tokens, a fixed number of clients in closed loop."""
from harness import figures, text
from harness.load import chat
from harness.workload import Goal, Side, Workload, chain


class Chat(Workload):
    tokens = 128  # of an answer
    turns = None  # requests of a client, one after the other; None: enough for the number of streams

    def __init__(self, streams: int):
        self.streams = streams
        self.name = f"chat-{streams}"
        self.title = f"Short chat, {streams} stream{'s' if streams > 1 else ''}"
        least = {1: 1.0, 8: 1.05, 16: 1.10}[streams]
        self.goals = [
            Goal("output tok/s", "≥", least), Goal("TTFT p50 ms", "≤", 0.9),
            Goal("decode tok/s", "≥", 0.97, "ceiling"),
        ]

    def sides(self):
        slots = max(8, self.streams)
        return [Side("atelier", "atelier", slots), Side("peer", "peer", slots), Side("ceiling", "ceiling")]

    def chains(self, rng, name, model):
        turns = self.turns or (4 if self.streams == 1 else 2)
        return [
            chain(*(chat(f"{client}.{turn}", name, text.question(rng), max_tokens=self.tokens, logit_bias=model.no_end)
                    for turn in range(turns)))
            for client in range(self.streams)
        ]

    def figures(self, answers):
        return figures.streaming(answers) | {"decode tok/s": figures.decode_rate(answers) * self.streams}

    def ceiling(self, bench):
        if self.streams == 1:
            return {"decode tok/s": bench.generation(128), "prompt tok/s": bench.prompt(512)}
        return {"decode tok/s": bench.batched(self.streams, prompt=64, generated=96)}


class GemmaChat(Chat):
    model = "gemma"

    def __init__(self):
        super().__init__(1)
        self.name = "gemma-chat"
        self.title = "Gemma 3 270M chat, 1 stream (262k vocabulary)"
        self.goals = [Goal("output tok/s", "≥", 1.05), Goal("decode tok/s", "≥", 0.97, "ceiling")]


class SharedSlots(Chat):
    """Sixteen clients where the peer has eight slots and both have the same memory for the KV cache."""

    def __init__(self):
        super().__init__(16)
        self.name = "chat-16-on-8"
        self.title = "16 streams with both at 8 slots' memory"
        self.goals = [Goal("TTFT p50 ms", "≤", 0.3)]

    def sides(self):
        return [Side("atelier", "atelier", 16), Side("peer", "peer", 8)]
