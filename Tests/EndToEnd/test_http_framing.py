"""The plain port takes strict HTTP/1.1 and nothing else, and says why in the manners of the path."""
import gzip
import json
import socket
import threading

import pytest

from atelier_server import KEY
from raw_http import Answers, connect, error_of, exchange, lists_models_quickly, read_to_end, request

SECOND = request("GET", "/lmstudio-greeting")


@pytest.fixture(scope="module")
def server(request):
    from atelier_server import Server

    instance = Server("--set", "limits.head_seconds=1", "--set", "limits.body_gap_seconds=1", "--set", "limits.idle_seconds=2",
                      "--set", "limits.body_bytes=1000000", model=False)
    try:
        yield instance.start()
    finally:
        instance.remove()


def raw(start: str, *fields: str, body: bytes = b"") -> bytes:
    return "\r\n".join([start, *fields]).encode() + b"\r\n\r\n" + body


CHUNKED = "Transfer-Encoding: chunked"
BAD = {
    "both framings": raw("POST /v1/chat/completions HTTP/1.1", "Host: localhost", "Content-Length: 5", CHUNKED, body=b"0\r\n\r\n"),
    "two lengths": raw("POST /v1/chat/completions HTTP/1.1", "Host: localhost", "Content-Length: 2", "Content-Length: 2", body=b"{}"),
    "listed lengths": raw("POST /v1/chat/completions HTTP/1.1", "Host: localhost", "Content-Length: 2, 2", body=b"{}"),
    "signed length": raw("POST /v1/chat/completions HTTP/1.1", "Host: localhost", "Content-Length: +2", body=b"{}"),
    "unknown coding": raw("POST /v1/chat/completions HTTP/1.1", "Host: localhost", "Transfer-Encoding: gzip, chunked", body=b"0\r\n\r\n"),
    "space before colon": raw("GET /v1/models HTTP/1.1", "Host : localhost"),
    "folded field": raw("GET /v1/models HTTP/1.1", "Host: localhost", " more"),
    "bare line feed": b"GET /v1/models HTTP/1.1\nHost: localhost\n\n",
    "bare carriage return": raw("GET /v1/models HTTP/1.1", "Host: localhost", "X: a\rY: b"),
    "control byte": raw("GET /v1/models HTTP/1.1", "Host: localhost", "X: a\x00b"),
    "no host": raw("GET /v1/models HTTP/1.1"),
    "two hosts": raw("GET /v1/models HTTP/1.1", "Host: localhost", "Host: localhost"),
    "bad chunk": raw("POST /v1/chat/completions HTTP/1.1", "Host: localhost", CHUNKED, body=b"2\n{}\n0\n\n"),
    "no version": b"GET /v1/models\r\n\r\n",
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_request_is_refused_and_nothing_after_it_runs(server, name):
    answer = exchange(server, BAD[name] + SECOND)
    assert answer[0] == 400 and answer[1]["connection"] == "close"
    assert error_of(answer)["code"] == "malformed_request"


@pytest.mark.parametrize("data, status", [
    (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505), (b"GET / HTTP/2.0\r\nHost: localhost\r\n\r\n", 505),
    (b"TRACE / HTTP/1.1\r\nHost: localhost\r\nX-Secret: abc\r\n\r\n", 405), (b"CONNECT localhost:80 HTTP/1.1\r\nHost: localhost\r\n\r\n", 405),
    (b"GET /" + b"a" * 17000 + b" HTTP/1.1\r\n", 414),
    (b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 17000 + b"\r\n", 431),
    (b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"X: %s\r\n" % (b"a" * 999) * 70, 431),
    (b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"X: y\r\n" * 128, 431),
    (bytes.fromhex("1603010200010001fc0303"), 400),
])
def test_other_protocols_and_floods_get_an_answer(server, data, status):
    answer = exchange(server, data)
    assert answer[0] == status and error_of(answer)["message"]
    assert b"abc" not in answer[2]


def test_just_under_the_limits_of_a_head_is_answered(server):
    for data in [request("GET", "/lmstudio-greeting?" + "a" * 16000), request("GET", "/lmstudio-greeting", b"", "X: " + "a" * 16000),
                 request("GET", "/lmstudio-greeting", b"", *["X: " + "a" * 990] * 64), request("GET", "/lmstudio-greeting", b"", *["X: y"] * 127)]:
        with connect(server) as connection:
            connection.sendall(data)
            assert Answers(connection).next()[0] == 200


def test_errors_have_the_shape_of_the_surface(server):
    def body(path):
        return json.loads(exchange(server, raw(f"POST {path} HTTP/1.1", "Content-Length: 2", body=b"{}"))[2])

    assert body("/v1/messages")["type"] == "error" and body("/v1/messages")["error"]["type"] == "invalid_request_error"
    assert set(body("/v1/chat/completions")["error"]) == {"message", "type", "param", "code"}
    assert body("/api/v1/chat")["error"]["type"] == "invalid_request"


def test_pipelined_requests_are_answered_in_order(server):
    with connect(server) as connection:
        connection.sendall(b"".join(request("GET", f"/nothing/{number}") for number in range(40)) + request("GET", "/last", b"", "Connection: close"))
        answers = Answers(connection)
        for number in range(40):
            assert f"/nothing/{number})" in error_of(answers.next())["message"]
        assert "/last)" in error_of(answers.next())["message"]
        assert answers.next() is None


def test_a_client_that_ends_its_side_still_gets_its_answers(server):
    with connect(server) as connection:
        connection.sendall(request("GET", "/lmstudio-greeting") * 3)
        connection.shutdown(socket.SHUT_WR)
        assert read_to_end(connection).count(b"HTTP/1.1 200 OK") == 3


def test_old_clients_and_upgrades_are_plain_requests(server):
    assert exchange(server, raw("GET /lmstudio-greeting HTTP/1.0", "Host: localhost"))[0] == 200
    with connect(server) as connection:
        connection.sendall(request("GET", "/lmstudio-greeting", b"", "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABk") * 2)
        answers = Answers(connection)
        assert answers.next()[0] == 200 and answers.next()[0] == 200


def test_a_compressed_body_is_refused(server):
    body = gzip.compress(b'{"model":"nobody","input":"Hi"}')
    assert exchange(server, request("POST", "/api/v1/chat", body, "Content-Encoding: gzip"))[0] == 415


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_a_large_body_is_answered_while_it_is_sent(server, framing):
    """The client sends on after the refusal; it must still read it."""
    with connect(server) as connection:
        head = request("POST", "/api/v1/chat", b"", CHUNKED if framing == "chunked" else "Content-Length: 20000000")
        connection.sendall(head)

        def send():
            block = b"a" * 50000
            try:
                for _ in range(400):
                    connection.sendall(block if framing == "length" else b"%x\r\n%s\r\n" % (len(block), block))
            except OSError:
                pass

        sender = threading.Thread(target=send)
        sender.start()
        answer = Answers(connection).next()
        assert answer[0] == 413 and error_of(answer)["code"] == "request_too_large"
        connection.shutdown(socket.SHUT_RDWR)
        sender.join()


def test_a_body_just_under_the_limit_is_read(server):
    for size, status in [(1_000_000, 404), (1_000_001, 413)]:
        body = b'{"model":"nobody","input":"' + b"a" * (size - 29) + b'"}'
        with connect(server) as connection:
            connection.sendall(request("POST", "/api/v1/chat", body))
            assert Answers(connection).next()[0] == status


# Deadlines, made short by the settings of this server

def test_a_head_that_does_not_end_is_timed(server):
    answer = exchange(server, b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n")
    assert answer[0] == 408 and error_of(answer)["code"] == "request_timeout"


@pytest.mark.parametrize("path", ["/api/v1/chat", "/api/v1/models/load", "/v1/messages"])
def test_a_body_that_stops_is_timed(server, path):
    answer = exchange(server, request("POST", path, b"", "Content-Length: 100") + b"{")
    assert answer[0] == 408 and error_of(answer)["message"]


def test_an_idle_connection_is_closed(server):
    with connect(server) as connection:
        connection.sendall(SECOND)
        answers = Answers(connection)
        assert answers.next()[0] == 200
        assert answers.next() is None
    with connect(server) as connection:
        assert read_to_end(connection) == b""


def test_nothing_above_disturbed_the_server(server):
    lists_models_quickly(server)
