"""What a workload is: what it sends, what it measures, what it has to reach."""
import dataclasses
import random

from .load import Answer
from .servers import Model


@dataclasses.dataclass(frozen=True)
class Goal:
    """A figure's bound: of the ratio to another side's figure in the same round, or of the figure itself."""
    figure: str
    relation: str  # "≥" or "≤"
    bound: float
    against: str | None = "peer"

    def met(self, value: float) -> bool:
        return value >= self.bound if self.relation == "≥" else value <= self.bound


@dataclasses.dataclass(frozen=True)
class Side:
    """One of the servers a workload compares. `kind` is atelier, peer or ceiling."""
    name: str
    kind: str
    slots: int = 8
    cells: int = 32768
    flags: tuple[str, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()


class Workload:
    name = ""
    title = ""
    model = "smollm2"
    goals: list[Goal] = []
    concurrency = 0
    deadline = 600.0
    foreign_load = False  # one other process keeps a core busy meanwhile

    def sides(self) -> list[Side]:
        return [Side("atelier", "atelier"), Side("peer", "peer")]

    def chains(self, rng: random.Random, name: str, model: Model) -> list[dict]:
        """Requests of one round for the model called `name`; the same for every side of a round."""
        raise NotImplementedError

    def figures(self, answers: list[Answer]) -> dict[str, float]:
        raise NotImplementedError

    def ceiling(self, bench) -> dict[str, float]:
        """Figures of the engine alone, under the names that `figures` uses; `bench` runs llama.cpp's tools."""
        return {}


def chain(*requests: dict, start: float = 0) -> dict:
    return {"start": start, "requests": list(requests)}
