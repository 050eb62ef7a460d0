"""A client that leaves ends its generation."""
import httpx
import pytest

from atelier_server import KEY, wait_until

LONG = {"input": "Write a very long story about the sea.", "max_output_tokens": 2000, "temperature": 0.9, "seed": 1}


def test_a_client_that_leaves_frees_its_slot(server):
    server.chat(input="Hi", max_output_tokens=2)
    with httpx.stream("POST", f"{server.url}/api/v1/chat", json={"model": KEY, "stream": True} | LONG, timeout=30) as answer:
        pieces = answer.iter_text()
        while "message.delta" not in next(pieces):
            pass
        assert server.busy()
    wait_until(lambda: not server.busy(), 20, "the freed slot")


def test_a_client_that_leaves_a_plain_request_frees_its_slot(server):
    server.chat(input="Hi", max_output_tokens=2)
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(f"{server.url}/api/v1/chat", json={"model": KEY} | LONG, timeout=httpx.Timeout(20, read=0.7))
    wait_until(lambda: not server.busy(), 20, "the freed slot")
