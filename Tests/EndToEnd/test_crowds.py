"""Clients that wait, dawdle, flood or do not read cost the others nothing."""
import os
import pathlib
import resource
import selectors
import socket
import threading

import pytest

from atelier_server import Server, wait_until
from raw_http import Answers, connect, lists_models_quickly, read_to_end, request

CROWD = 1000


def few_descriptors():
    """What most systems give a process at first."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (1024, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))


@pytest.fixture(scope="module")
def server(models_zoo):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 4096)), hard))
    instance = Server("--set", "limits.head_seconds=2", "--set", "limits.stall_seconds=2", model=False, before_exec=few_descriptors)
    try:
        yield instance.add_models(models_zoo, "talker", "endless").start()
    finally:
        instance.remove()


def process(server, name: str) -> list[str]:
    return os.listdir(f"/proc/{server.process.pid}/{name}")


def resident(server) -> int:
    return int(pathlib.Path(f"/proc/{server.process.pid}/statm").read_text().split()[1]) * resource.getpagesize()


def test_a_thousand_idle_connections(server):
    lists_models_quickly(server)
    threads, memory, descriptors = len(process(server, "task")), resident(server), len(process(server, "fd"))
    crowd = [connect(server) for _ in range(CROWD)]
    try:
        wait_until(lambda: len(process(server, "fd")) >= CROWD, 30, "the accepting of the crowd")
        lists_models_quickly(server)
        assert len(process(server, "task")) <= threads + 4
        assert resident(server) - memory < 64 << 20
        # Each of them can still speak.
        for connection in crowd[::100]:
            connection.sendall(request("GET", "/lmstudio-greeting"))
            assert Answers(connection).next()[0] == 200
    finally:
        for connection in crowd:
            connection.close()
    wait_until(lambda: len(process(server, "fd")) <= descriptors + 4, 20, "the closing of the crowd")


def test_dawdlers_and_floods(server):
    descriptors, memory = len(process(server, "fd")), resident(server)
    end = threading.Event()
    dawdlers = [connect(server) for _ in range(50)]
    flooders = [connect(server) for _ in range(20)]
    answers = {connection: b"" for connection in dawdlers + flooders}

    def write():
        """A byte now and then to one half, a header without end to the other."""
        for connection in dawdlers:
            connection.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nX: ")
        while not end.wait(0.1):
            for connection in dawdlers:
                send(connection, b"a")
            for connection in flooders:
                send(connection, b"X: " + b"a" * 8000 + b"\r\n")

    def send(connection, data):
        try:
            connection.send(data, socket.MSG_DONTWAIT)
        except OSError:
            pass

    for connection in flooders:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n")
    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(5):
            lists_models_quickly(server)
        assert server.post("/api/v1/chat", {"model": "talker", "input": "Hi"}).status_code == 200
        with selectors.DefaultSelector() as selector:
            for connection in answers:
                selector.register(connection, selectors.EVENT_READ)

            def all_answered():
                for key, _ in selector.select(0):
                    try:
                        piece = key.fileobj.recv(65536)
                    except ConnectionResetError:
                        piece = b""
                    answers[key.fileobj] += piece
                    if not piece:
                        selector.unregister(key.fileobj)
                return not selector.get_map()

            wait_until(all_answered, 20, "an answer to everyone")
    finally:
        end.set()
        writer.join()
        for connection in answers:
            connection.close()
    assert all(answers[connection].startswith(b"HTTP/1.1 408 ") for connection in dawdlers)
    assert all(answers[connection].startswith(b"HTTP/1.1 431 ") for connection in flooders)
    wait_until(lambda: len(process(server, "fd")) <= descriptors + 8, 20, "the closing of their connections")
    assert resident(server) - memory < 64 << 20


def test_a_client_that_asks_and_asks_and_reads_nothing_is_cut(server):
    memory = resident(server)
    with connect(server) as connection:
        connection.settimeout(1)
        question, sent = request("GET", "/nothing/" + "a" * 200) * 100, 0
        with pytest.raises(OSError):
            # Until the server takes no more, which must come long before this.
            for _ in range(2000):
                connection.sendall(question)
                sent += len(question)
        assert sent < 40 << 20
        lists_models_quickly(server)
        connection.settimeout(20)
        wait_until(lambda: has_ended(connection), 20, "the cut")
    assert resident(server) - memory < 32 << 20


def has_ended(connection: socket.socket) -> bool:
    """The other side has gone, whatever lies in the buffers."""
    return connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1) != b"\x01"


@pytest.mark.parametrize("stream", [True, False])
def test_a_client_that_vanishes_leaves_nothing_running(server, stream):
    server.post("/api/v1/chat", {"model": "endless", "input": "Hi"})
    with connect(server) as connection:
        body = b'{"model":"endless","input":"Tell me about @sea please","store":false,"stream":%s}' % str(stream).lower().encode()
        connection.sendall(request("POST", "/api/v1/chat", body))
        wait_until(server.busy, 20, "the answer's start")
    wait_until(lambda: not server.busy(), 10, "the freed slot")


def test_half_closed_connections_end(server):
    """A client that ends its side in the middle of a request, and one that does so and never closes."""
    descriptors = len(process(server, "fd"))
    for data in [b"", b"GET / HT", request("POST", "/api/v1/models/load", b"", "Content-Length: 10") + b"{", request("GET", "/")]:
        connection = connect(server)
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        answer = read_to_end(connection)
        assert (b" 200 OK" in answer) == data.startswith(b"GET / HTTP"), (data, answer)
        connection.close()
    wait_until(lambda: len(process(server, "fd")) <= descriptors + 2, 20, "the closing of their connections")


def test_connections_beyond_the_limit_wait_for_a_place(fresh):
    server = fresh("--set", "limits.connections=4", model=False).start()
    # The starting of the server asked, too.
    wait_until(lambda: len(sockets(server)) == 0, 20, "the end of the first connections")
    crowd = [connect(server) for _ in range(4)]
    for connection in crowd:
        connection.sendall(request("GET", "/lmstudio-greeting"))
        assert Answers(connection).next()[0] == 200
    late = connect(server)
    late.sendall(request("GET", "/lmstudio-greeting"))
    late.settimeout(1)
    with pytest.raises(TimeoutError):
        late.recv(1)
    crowd.pop().close()
    late.settimeout(20)
    assert Answers(late).next()[0] == 200
    for connection in [*crowd, late]:
        connection.close()


def sockets(server) -> list[str]:
    """Inodes of the server's connections: sockets of TCP that have another end."""
    links = set()
    for name in process(server, "fd"):
        try:
            links.add(os.readlink(f"/proc/{server.process.pid}/fd/{name}"))
        except OSError:
            pass
    lines = [line.split() for line in pathlib.Path(f"/proc/{server.process.pid}/net/tcp").read_text().splitlines()[1:]]
    return [fields[9] for fields in lines if fields[3] == "01" and f"socket:[{fields[9]}]" in links]
