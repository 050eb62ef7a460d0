"""Starts real MCP servers of the official SDK (`mcp_server.py`, `old_sdk_server.py`) for tests, and one that is none."""
import contextlib
import http.client
import http.server
import json
import os
import pathlib
import subprocess
import sys
import threading

import httpx

from atelier_server import free_port, wait_until

HERE = pathlib.Path(__file__).parent
TRANSPORTS = {
    "2026": ["http"],
    "streamed": ["http", "--era", "handshake"],
    "json": ["http", "--era", "handshake", "--json"],
    "resumable": ["http", "--era", "handshake", "--resumable"],
    "sse": ["sse"],
    # The first major of the SDK.
    "sdk1": ["sdk1", "http"],
    "sdk1-sse": ["sdk1", "sse"],
}


def call(tool: str, **arguments) -> str:
    return f"<tool_call>\n{json.dumps({'name': tool, 'arguments': arguments})}\n</tool_call>"


class ToolServer:
    def __init__(self, folder: pathlib.Path, *arguments: str):
        program = [sys.executable, HERE / "mcp_server.py"]
        if arguments[0] == "sdk1":
            program, arguments = [os.environ["ATELIER_TEST_OLD_SDKS"], HERE / "old_sdk_server.py"], arguments[1:]
        self.journal = folder / f"journal-{arguments[0]}-{free_port()}.jsonl"
        self.journal.touch()
        self.port = free_port()
        self.process = subprocess.Popen(
            [*program, *arguments, "--port", str(self.port)],
            env=os.environ | {"MCP_JOURNAL": str(self.journal)}, stdin=subprocess.DEVNULL)
        self.url = f"http://127.0.0.1:{self.port}/{arguments[0] if arguments[0] == 'sse' else 'mcp'}"
        wait_until(self._answers, 30, "the tool server")

    def _answers(self) -> bool:
        assert self.process.poll() is None
        with contextlib.suppress(httpx.HTTPError):
            httpx.get(f"http://127.0.0.1:{self.port}/", timeout=1)
            return True
        return False

    def entry(self, **more) -> dict:
        return {"type": "ephemeral_mcp", "server_label": "tools", "server_url": self.url} | more

    def notes(self, event: str | None = None) -> list[dict]:
        notes = [json.loads(line) for line in self.journal.read_text().splitlines()]
        return [note for note in notes if event in (None, note["event"])]

    def stop(self):
        self.process.kill()
        self.process.wait()


def tool_servers(folder: pathlib.Path):
    """For a fixture: gives a function that starts a server by transport when a test first wants it, and ends them all."""
    made = {}

    def get(transport: str = "2026") -> ToolServer:
        if transport not in made:
            made[transport] = ToolServer(folder, *TRANSPORTS[transport])
        return made[transport]

    yield get
    for server in made.values():
        server.stop()


class HandServer:
    """A server by hand that does not keep to the protocol. `answers` maps methods to what is sent: a result, raw bytes, an
    HTTP status, a function that gives one of these, or `HANG`. With a `session` it gives one and is told of its end."""

    HANG = object()

    def __init__(self, session: str | None = None, **answers):
        self.answers = {
            "initialize": {"protocolVersion": "2025-06-18", "capabilities": {"tools": {}}, "serverInfo": {"name": "hand", "version": "0"}},
            "tools_list": {"tools": [{"name": "add", "inputSchema": {"type": "object"}}]},
            "tools_call": {"content": [{"type": "text", "text": "@five"}]},
        } | answers
        self.requests: list[tuple[str, str | None]] = []
        """Methods, and the session that each named."""
        self.released = threading.Event()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                message = json.loads(self.rfile.read(int(self.headers["content-length"])))
                method = message["method"]
                outer.requests.append((method, self.headers["mcp-session-id"]))
                answer = outer.answers.get(method.replace("/", "_"))
                if callable(answer):
                    answer = answer()
                if answer is outer.HANG:
                    outer.released.wait()
                    return
                status, body = 200, b""
                if isinstance(answer, int):
                    status = answer
                elif "id" not in message:
                    status = 202
                elif isinstance(answer, bytes):
                    body = answer
                else:
                    said = {"error": {"code": -32601, "message": "unknown"}} if answer is None else {"result": answer}
                    body = json.dumps({"jsonrpc": "2.0", "id": message["id"]} | said).encode()
                self.answer(status, body, session if method == "initialize" else None)

            def do_DELETE(self):
                outer.requests.append(("DELETE", self.headers["mcp-session-id"]))
                if end := outer.answers.get("DELETE"):
                    end()
                self.answer(200, b"", None)

            def do_GET(self):
                self.answer(405, b"", None)

            def answer(self, status: int, body: bytes, session: str | None):
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(body)))
                if session:
                    self.send_header("mcp-session-id", session)
                self.end_headers()
                with contextlib.suppress(OSError):
                    self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def methods(self) -> list[str]:
        return [method for method, _ in self.requests]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}/mcp"

    def entry(self, **more) -> dict:
        return {"type": "ephemeral_mcp", "server_label": "hand", "server_url": self.url} | more

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.released.set()
        self.server.shutdown()
        self.server.server_close()


@contextlib.contextmanager
def client_that_leaves(url: str, path: str, body: dict, headers: dict | None = None):
    """Sends a request and goes away at the end of the block, whatever has come by then."""
    place = httpx.URL(url)
    connection = http.client.HTTPConnection(place.host, place.port, timeout=60)
    connection.request("POST", path, json.dumps(body), headers or {})
    try:
        yield
    finally:
        connection.close()
