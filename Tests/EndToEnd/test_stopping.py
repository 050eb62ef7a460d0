"""How a server ends: what runs may finish or is told, nothing stays behind, and nobody else may use its folder."""
import contextlib
import json
import os
import signal
import socket
import threading
import time

import httpx
import pytest

from atelier_server import Server, server_sent_events, wait_until
from raw_http import connect, request
from table_model import TableModel

ENDLESS = "Tell me about @sea please"
LINES = "".join(f"Line {number} of a long text. " for number in range(40))


def is_gone(process: int) -> bool:
    with contextlib.suppress(OSError):
        return open(f"/proc/{process}/stat").read().rsplit(")", 1)[1].split()[0] == "Z"
    return True


class Stream:
    """A streamed answer read by a thread."""

    def __init__(self, server: Server, path: str, body: dict):
        self.text, self.error = "", None
        self.url, self.body = server.url + path, body | {"stream": True}
        self.thread = threading.Thread(target=self._read)
        self.thread.start()

    def _read(self):
        try:
            with httpx.stream("POST", self.url, json=self.body, timeout=60) as answer:
                for piece in answer.iter_text():
                    self.text += piece
        except httpx.HTTPError as error:
            self.error = error

    def has_begun(self) -> bool:
        return "the sea" in self.text or "Line 0" in self.text

    def end(self) -> list[tuple[str | None, str]]:
        self.thread.join(40)
        assert not self.thread.is_alive(), "the stream did not end"
        assert self.error is None, self.error
        return list(server_sent_events([self.text]))


CHAT = {"model": "endless", "messages": [{"role": "user", "content": ENDLESS}], "max_tokens": 60000}


def test_running_answers_are_told_after_the_drain(fresh, models_zoo):
    server = fresh("--set", "limits.drain_seconds=1", model=False).add_models(models_zoo, "endless").start()
    server.post("/api/v1/models/load", {"model": "endless", "context_length": 65536})
    streams = [Stream(server, "/api/v1/chat", {"model": "endless", "input": ENDLESS}), Stream(server, "/v1/chat/completions", CHAT),
               Stream(server, "/v1/messages", CHAT), Stream(server, "/v1/responses", {"model": "endless", "input": ENDLESS})]
    for stream in streams:
        wait_until(stream.has_begun, 20, "the streams")
    workers = server.workers()
    server.process.send_signal(signal.SIGTERM)
    native, chat, messages, responses = [stream.end() for stream in streams]
    assert server.process.wait(20) == 0
    assert native[-2][0] == "error" and native[-1][0] == "chat.end" and "response_id" not in json.loads(native[-1][1])["result"]
    assert any("error" in json.loads(data) for _, data in chat if data != "[DONE]")
    assert messages[-1][0] == "error" and json.loads(messages[-1][1])["error"]["type"]
    assert responses[-1][0] in ("response.failed", "error")
    assert all(is_gone(worker) for worker in workers)
    # The port is free at once.
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", server.port))


def test_running_answers_may_finish_and_nobody_new_comes_in(fresh, tmp_path):
    server = fresh(model=False)
    TableModel(name="Long", context_length=8192).script("@sea", LINES).otherwise("Hello.").write(tmp_path / "long.gguf")
    server.add_model("zoo/long/long.gguf", tmp_path / "long.gguf")
    server.start()
    stream = Stream(server, "/api/v1/chat", {"model": "long", "input": ENDLESS, "context_length": 8192})
    wait_until(stream.has_begun, 20, "the stream")
    [worker] = server.workers()
    server.process.send_signal(signal.SIGTERM)

    def is_closed():
        try:
            httpx.get(server.url + "/", timeout=20)
        except httpx.ConnectError:
            return True
        except (httpx.ReadError, httpx.RemoteProtocolError):
            pass  # It was in the door's way.
        return False

    wait_until(is_closed, 10, "the closing of the door")
    events = stream.end()
    result = json.loads(events[-1][1])["result"]
    assert events[-1][0] == "chat.end" and "error" not in [name for name, _ in events]
    assert result["output"][0]["content"] == LINES and result["response_id"]
    assert server.process.wait(20) == 0 and is_gone(worker)
    server.start()
    assert server.get(f"/atelier/chats/{result['response_id']}").status_code == 200


def test_a_second_signal_ends_at_once(fresh, models_zoo):
    server = fresh(model=False).add_models(models_zoo, "endless").start()
    stream = Stream(server, "/api/v1/chat", {"model": "endless", "input": ENDLESS, "context_length": 65536})
    wait_until(stream.has_begun, 20, "the stream")
    [worker] = server.workers()
    server.process.send_signal(signal.SIGTERM)
    wait_until(lambda: not can_connect(server), 10, "the first signal's effect")
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(20) == -signal.SIGTERM
    stream.thread.join(20)
    wait_until(lambda: is_gone(worker), 10, "the worker's end")


def test_a_client_that_reads_nothing_does_not_hold_up_the_end(fresh):
    server = fresh("--set", "limits.drain_seconds=1", model=False).start()
    with connect(server, 1) as connection:
        with pytest.raises(OSError):
            while True:
                connection.sendall(request("GET", "/nothing/" + "a" * 200) * 100)
        begun = time.monotonic()
        assert server.stop(signal.SIGTERM) == 0
        assert time.monotonic() - begun < 20


def can_connect(server) -> bool:
    with contextlib.suppress(OSError):
        socket.create_connection(("127.0.0.1", server.port), 2).close()
        return True
    return False


@pytest.mark.parametrize("text", ["{ broken", '{"jit": {"enabled": "many"}}', '{"no_such_setting": 1}', "[]"])
def test_a_damaged_settings_file_is_named(fresh, text):
    server = fresh(model=False)
    (server.home / "settings.json").write_text(text)
    done = server.run("serve", "--port", str(server.port))
    assert done.returncode == 1 and str(server.home / "settings.json") in done.stderr
    assert os.listdir(server.home) == ["settings.json"]


def test_one_folder_one_server(fresh):
    server = fresh(model=False).start()
    second = Server(home=server.home, model=False)
    done = second.run("serve", "--port", str(second.port))
    assert done.returncode == 1 and str(server.home) in done.stderr and "Another server" in done.stderr
    assert server.get("/").status_code == 200
    server.stop(signal.SIGKILL)
    server.start()
