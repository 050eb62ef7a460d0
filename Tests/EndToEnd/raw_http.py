"""Bytes to a server and back, for what well-behaved clients never send."""
import json
import socket
import time


def connect(server, timeout: float = 10.0) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), timeout)


def request(method: str, path: str, body: bytes = b"", *fields: str, host: str = "localhost") -> bytes:
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}", *fields]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def read_to_end(connection: socket.socket) -> bytes:
    """Until the server closes; a reset is an end too, but what came before it must have been kept."""
    pieces = []
    while True:
        try:
            piece = connection.recv(65536)
        except ConnectionResetError:
            piece = b""
        if not piece:
            return b"".join(pieces)
        pieces.append(piece)


class Answers:
    """Splits what arrives into answers with a declared length."""

    def __init__(self, connection: socket.socket):
        self.connection, self.buffer = connection, b""

    def next(self) -> tuple[int, dict, bytes] | None:
        """Status, fields in lower case, body; None at the end of the connection."""
        while b"\r\n\r\n" not in self.buffer:
            if not self._more():
                assert not self.buffer, self.buffer
                return None
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        lines = head.decode().split("\r\n")
        fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        length = int(fields.get("content-length", 0))
        while len(self.buffer) < length:
            assert self._more(), "the connection ended inside an answer"
        body, self.buffer = self.buffer[:length], self.buffer[length:]
        return int(lines[0].split()[1]), fields, body

    def _more(self) -> bool:
        piece = self.connection.recv(65536)
        self.buffer += piece
        return bool(piece)


def exchange(server, data: bytes) -> tuple[int, dict, bytes]:
    """The one answer to `data`, after which the server must close."""
    with connect(server) as connection:
        connection.sendall(data)
        answers = Answers(connection)
        answer = answers.next()
        assert answer is not None, "no answer"
        assert answers.next() is None, "a second answer"
        return answer


def error_of(answer: tuple[int, dict, bytes]) -> dict:
    assert answer[1]["content-type"] == "application/json" and answer[1]["x-content-type-options"] == "nosniff"
    return json.loads(answer[2])["error"]


def lists_models_quickly(server, limit: float = 10.0):
    """The model list answers on a new connection within `limit` seconds; the best of three counts on a busy machine."""
    times = []
    for _ in range(3):
        begun = time.monotonic()
        with connect(server) as connection:
            connection.sendall(request("GET", "/v1/models", b"", "Connection: close"))
            assert read_to_end(connection).startswith(b"HTTP/1.1 200 ")
        times.append(time.monotonic() - begun)
        if times[-1] < limit:
            return
    raise AssertionError(f"the model list took {times} s")
