"""Chat while another process keeps one core busy."""
from harness import figures
from harness.workload import Goal, Side

from .chat import Chat


class ForeignLoad(Chat):
    foreign_load = True
    # llama-server's threads, spinning against the foreign ones, may take two seconds for a token.
    tokens = 32
    turns = 1

    def __init__(self, streams: int):
        self.streams = streams
        self.name = f"foreign-{streams}"
        self.title = f"A foreign process on one core, {streams} stream{'s' if streams > 1 else ''}"
        self.goals = [
            Goal("output tok/s", "≥", 1.6), Goal("output tok/s", "≥", 1.0, "peer-spin-100"),
            Goal("inter-token p99 ms", "≤", 1.0, "peer-spin-100"),
        ]

    def sides(self):
        spin = (("GOMP_SPINCOUNT", "100"),)
        return [Side("atelier", "atelier"), Side("peer", "peer"), Side("peer-spin-100", "peer", environment=spin)]

    def figures(self, answers):
        return figures.streaming(answers)
