"""Figures that several workloads share. All times in milliseconds."""
import statistics

from .load import Answer


def percentile(values: list[float], share: float) -> float:
    """The value below which `share` of the values lie (nearest rank); not a number when there are none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")


def span(answers: list[Answer]) -> float:
    return max(a.end for a in answers) - min(a.sent for a in answers)


def throughput(answers: list[Answer]) -> float:
    return sum(a.completion_tokens for a in answers) / span(answers)


def decode_rate(answers: list[Answer]) -> float:
    """Tokens per second of one stream once it runs (median)."""
    rates = [(a.completion_tokens - 1) / (a.tokens[-1] - a.tokens[0]) for a in answers if len(a.tokens) > 1]
    return statistics.median(rates) if rates else float("nan")


def streaming(answers: list[Answer]) -> dict[str, float]:
    gaps = [gap for a in answers for gap in a.gaps]
    return {
        "output tok/s": throughput(answers),
        "TTFT p50 ms": percentile([a.first_token for a in answers], 0.5) * 1000,
        "TTFT p95 ms": percentile([a.first_token for a in answers], 0.95) * 1000,
        "inter-token p50 ms": percentile(gaps, 0.5) * 1000,
        "inter-token p99 ms": percentile(gaps, 0.99) * 1000,
    }


def cached_share(answers: list[Answer]) -> float:
    return sum(a.cached_tokens for a in answers) / max(1, sum(a.prompt_tokens for a in answers))
