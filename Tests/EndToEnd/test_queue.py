"""A busy model: who finds the queue full and who waits too long is told when to come again."""
import concurrent.futures
import contextlib
import time

import httpx

from atelier_server import KEY, wait_until

# The model's end-of-text tokens: without them an answer goes on.
ENDLESS = {"model": KEY, "temperature": 0, "max_tokens": 3000, "logit_bias": {"0": -100, "2": -100},
           "messages": [{"role": "user", "content": "Tell me a long story."}]}


@contextlib.contextmanager
def answering(server):
    """A streamed answer that is under way."""
    with httpx.stream("POST", f"{server.url}/v1/chat/completions", json=ENDLESS | {"stream": True}, timeout=60) as answer:
        lines = answer.iter_lines()
        next(lines)
        yield answer


def assert_busy(answer):
    assert answer.status_code == 429, answer.text
    assert 1 <= int(answer.headers["retry-after"]) <= 60
    assert answer.json()["error"]["type"] == "rate_limit_error"


def test_a_full_queue_and_a_long_wait_are_answered_with_retry_after(fresh):
    server = fresh(environment={"ATELIER_LIMITS_QUEUE": "1", "ATELIER_LIMITS_QUEUE_SECONDS": "6"}).start()
    assert server.post("/api/v1/models/load", {"model": KEY, "parallel": 1}).status_code == 200
    short = ENDLESS | {"max_tokens": 2}
    with answering(server), concurrent.futures.ThreadPoolExecutor(1) as pool:
        start = time.monotonic()
        waiting = pool.submit(server.post, "/v1/chat/completions", short)
        wait_until(lambda: any(instance["queued"] == 1 for instance in server.instances()), what="the second request being queued")
        assert_busy(server.post("/v1/chat/completions", short))
        assert_busy(waiting.result())
        # Not at once.
        assert time.monotonic() > start + 5
    # The client has left, and its place is free.
    wait_until(lambda: server.post("/v1/chat/completions", short).status_code == 200, what="an answer")
