"""Bodies near the limit cost the API process a bounded multiple of themselves, and a full disk costs nobody an acknowledged
answer."""
import pathlib
import re
import resource

import httpx
import pytest

from atelier_server import wait_until
from raw_http import Answers, connect, lists_models_quickly, request

BODY = 60_000_000


def memory(server, name: str) -> int:
    text = pathlib.Path(f"/proc/{server.process.pid}/status").read_text()
    return int(re.search(rf"{name}:\s+(\d+) kB", text)[1]) << 10


TEXTS = {
    "plain": b"word " * (BODY // 5),
    "escaped": b"\\u00e9\\n" * (BODY // 8),
    "multibyte": "日本".encode() * (BODY // 6),
}


@pytest.mark.parametrize("kind", TEXTS)
def test_a_body_of_sixty_megabytes_takes_less_than_four_times_its_size(fresh, models_zoo, kind):
    server = fresh(model=False).add_models(models_zoo, "talker").start()
    server.post("/api/v1/chat", {"model": "talker", "input": "Hi"})
    before = memory(server, "VmRSS")
    body = b'{"model":"talker","messages":[{"role":"user","content":"' + TEXTS[kind] + b'"}]}'
    answer = httpx.post(f"{server.url}/v1/chat/completions", content=body, timeout=60)
    assert answer.status_code == 400 and answer.json()["error"]["code"] == "context_length_exceeded", answer.text[:500]
    assert memory(server, "VmHWM") - before < 4 * len(body)
    lists_models_quickly(server)


def test_a_body_of_many_small_members_is_bounded_too(fresh):
    server = fresh(model=False).start()
    before = memory(server, "VmRSS")
    body = b'{"model":"m","messages":[' + b",".join(b'{"role":"user","content":"' + b"a" * 14000 + b'"}' for _ in range(4096)) + b"]}"
    assert httpx.post(f"{server.url}/v1/chat/completions", content=body, timeout=60).status_code == 404
    assert memory(server, "VmHWM") - before < 4 * len(body)
    body = b"[" + b"0," * 30_000_000 + b"0]"
    assert httpx.post(f"{server.url}/v1/chat/completions", content=body, timeout=60).json()["error"]["code"] == "invalid_json"
    assert memory(server, "VmHWM") - before < 4 * len(body)


def test_all_bodies_together_are_bounded(fresh):
    """A body that is not complete holds its room as one that is being answered does; what needs little finds room."""
    server = fresh("--set", "limits.body_bytes=1000000", "--set", "limits.bodies_bytes=1500000", model=False).start()
    body = b'{"model":"nobody","input":"' + b"a" * (1_000_000 - 29) + b'"}'
    ask = lambda content: httpx.post(f"{server.url}/api/v1/chat", content=content, timeout=60)
    with connect(server) as slow:
        slow.sendall(request("POST", "/api/v1/chat", b"", f"Content-Length: {len(body)}") + body[:-1])
        refused = wait_until(lambda: (answer := ask(body)).status_code == 503 and answer, 30, "the first body's arrival")
        assert refused.json()["error"]["code"] == "server_busy" and int(refused.headers["retry-after"]) >= 1
        assert ask(body[:400_000] + b'"}').status_code == 404
        slow.sendall(body[-1:])
        assert Answers(slow).next()[0] == 404
    wait_until(lambda: ask(body).status_code == 404, 30, "room for another body")


def test_a_store_that_cannot_grow_says_so_and_keeps_what_it_has(fresh, models_zoo):
    """No file may grow past two megabytes, as on a full disk."""
    size = 2 << 20
    server = fresh(model=False, before_exec=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size)))
    server.add_models(models_zoo, "talker").start()
    kept, refused = [], None
    for number in range(200):
        answer = server.post("/api/v1/chat", {"model": "talker", "input": f"Hi {number} " + "a" * 3000})
        if answer.status_code != 200:
            refused = answer
            break
        kept.append(answer.json()["response_id"])
    assert kept and refused is not None, "the store never filled"
    assert refused.status_code == 500 and "response_id" not in refused.text and str(server.home) not in refused.text
    # Streams say it as an error after their words, and name no id either.
    events = [event["type"] for event in server.native_events(model="talker", input="Hi " + "a" * 3000)]
    assert events[-2:] == ["error", "chat.end"]
    # What needs no storing goes on.
    assert server.post("/api/v1/chat", {"model": "talker", "input": "Hi", "store": False}).status_code == 200
    lists_models_quickly(server)
    server.stop()
    server.before_exec = None
    server.start()
    for id in kept:
        assert server.get(f"/atelier/chats/{id}").status_code == 200
    assert "response_id" in server.post("/api/v1/chat", {"model": "talker", "input": "Hi", "previous_response_id": kept[-1]}).json()
