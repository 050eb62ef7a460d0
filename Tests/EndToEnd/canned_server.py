"""A server with answers written beforehand, for what the command line makes of them."""
import http.server
import json
import threading


class CannedServer:
    def __init__(self, answers: dict[tuple[str, str], tuple[int, object]]):
        """`answers`: status and JSON by method and path; paths with their query."""
        self.requests: list[tuple[str, str, dict, object]] = []
        canned = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *arguments):
                pass

            def answer(self):
                data = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                headers = {name.lower(): value for name, value in self.headers.items()}
                canned.requests.append((self.command, self.path, headers, json.loads(data) if data else None))
                missing = (404, {"error": {"type": "invalid_request", "code": "unknown_endpoint", "message": "no such path"}})
                status, value = answers.get((self.command, self.path), missing)
                body = json.dumps(value).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = do_DELETE = answer

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def port(self) -> int:
        return self.server.server_port

    def bodies(self, method: str, path: str) -> list:
        return [body for sent, at, _, body in self.requests if (sent, at) == (method, path)]

    def close(self):
        self.server.shutdown()
        self.server.server_close()
