"""A Hugging Face hub on loopback that can misbehave: it cuts connections, lies, redirects, limits and gates."""
import hashlib
import http.server
import json
import re
import threading
import time
import urllib.parse


class Repository:
    """Files by path, and how each misbehaves."""

    def __init__(self, files: dict[str, bytes]):
        self.files = files
        self.sizes = {path: len(data) for path, data in files.items()}
        self.hashes = {path: hashlib.sha256(data).hexdigest() for path, data in files.items()}
        self.gated = False
        self.ranges = True
        self.cut_after: int | None = None
        """Bytes of each answer before its connection is cut."""
        self.cuts = 0
        """How many answers are still cut."""
        self.bytes_per_second: float | None = None
        self.redirect: str | None = None
        """Where downloads are redirected; {path} stands for the file."""
        self.refusals: list[tuple[int, dict]] = []
        """Statuses with headers for the next downloads, in place of the file."""
        self.extra = b""
        """Sent after the file, announced as part of it."""
        self.page = 1000


class FakeHub:
    def __init__(self):
        self.repositories: dict[str, Repository] = {}
        self.requests: list[tuple[str, str, dict]] = []
        self.sent = 0
        """Bytes of files sent in all."""
        self.lock = threading.Lock()
        hub = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *arguments):
                pass

            def do_HEAD(self):
                self.answer()

            def do_GET(self):
                self.answer()

            def do_CONNECT(self):
                """As a proxy it leads wherever it is asked to: to itself."""
                with hub.lock:
                    hub.requests.append((self.command, self.path, {k.lower(): v for k, v in self.headers.items()}))
                self.send_response(200)
                self.end_headers()

            def answer(self):
                url = urllib.parse.urlsplit(self.path)
                with hub.lock:
                    hub.requests.append((self.command, self.path, {k.lower(): v for k, v in self.headers.items()}))
                path = urllib.parse.unquote(url.path)
                try:
                    if match := re.fullmatch(r"/api/models/([^/]+/[^/]+)/tree/([^/]+)", path):
                        return self.tree(match[1], url)
                    if path == "/api/models":
                        return self.search(urllib.parse.parse_qs(url.query))
                    if match := re.fullmatch(r"/(?:cdn/)?([^/]+/[^/]+)/resolve/[^/]+/(.+)", path):
                        return self.file(match[1], match[2], path.startswith("/cdn/"))
                    self.reply(404, {"error": "Not found"})
                except (BrokenPipeError, ConnectionResetError):
                    self.close_connection = True

            def reply(self, status: int, value, headers: dict | None = None):
                body = json.dumps(value).encode()
                self.send_response(status)
                for name, text in (headers or {}).items():
                    self.send_header(name, text)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)

            def repository(self, name: str) -> Repository | None:
                found = hub.repositories.get(name)
                if found is None:
                    # The real hub says 401 to strangers, so that private repositories cannot be told from missing ones.
                    self.reply(401, {"error": "Invalid username or password."}, {"X-Error-Code": "RepoNotFound"})
                return found

            def tree(self, name: str, url):
                if (repository := self.repository(name)) is None:
                    return
                start = int(urllib.parse.parse_qs(url.query).get("cursor", ["0"])[0])
                entries = [{"type": "directory", "path": "folder", "size": 0, "oid": "0" * 40}]
                for path, size in repository.sizes.items():
                    entry = {"type": "file", "path": path, "size": size, "oid": "1" * 40}
                    if repository.hashes.get(path):
                        entry["lfs"] = {"oid": repository.hashes[path], "size": size, "pointerSize": 134}
                    entries.append(entry)
                page = entries[start:start + repository.page]
                headers = {}
                if start + repository.page < len(entries):
                    headers["Link"] = f'<{hub.url}{url.path}?recursive=true&cursor={start + repository.page}>; rel="next"'
                self.reply(200, page, headers)

            def search(self, query):
                words = query.get("search", [""])[0].lower().split()
                found = [name for name in hub.repositories if all(word in name.lower() for word in words)]
                self.reply(200, [{"id": name, "downloads": 7, "likes": 1} for name in found])

            def file(self, name: str, path: str, is_cdn: bool):
                if (repository := self.repository(name)) is None:
                    return
                if path not in repository.files:
                    return self.reply(404, {"error": "Entry not found"}, {"X-Error-Code": "EntryNotFound"})
                if repository.gated and self.headers.get("Authorization") != "Bearer hf_secret":
                    return self.reply(403, {"error": "gated"}, {"X-Error-Code": "GatedRepo"})
                if self.command == "HEAD":
                    self.send_response(200)
                    self.send_header("Content-Length", str(len(repository.files[path])))
                    return self.end_headers()
                if repository.redirect and not is_cdn:
                    self.send_response(302)
                    self.send_header("Location", repository.redirect.format(path=f"{name}/resolve/main/{path}"))
                    self.send_header("Content-Length", "0")
                    return self.end_headers()
                with hub.lock:
                    refusal = repository.refusals.pop(0) if repository.refusals else None
                if refusal:
                    return self.reply(refusal[0], {"error": "no"}, refusal[1])
                self.send_file(repository, repository.files[path] + repository.extra)

            def send_file(self, repository: Repository, data: bytes):
                start = 0
                wanted = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
                if wanted and repository.ranges:
                    start = int(wanted[1])
                    if start >= len(data):
                        return self.reply(416, {"error": "range"})
                    self.send_response(206)
                    self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
                else:
                    self.send_response(200)
                if repository.extra:
                    # Only a body without a length can hold more than was announced.
                    self.send_header("Connection", "close")
                    self.close_connection = True
                else:
                    self.send_header("Content-Length", str(len(data) - start))
                self.end_headers()
                end = len(data)
                with hub.lock:
                    if repository.cut_after is not None and repository.cuts > 0:
                        repository.cuts -= 1
                        end = min(end, start + repository.cut_after)
                place = start
                while place < end:
                    piece = data[place:min(place + 65536, end)]
                    # Whoever sees in `sent` that it came may change the pace of what follows.
                    pace = repository.bytes_per_second
                    self.wfile.write(piece)
                    place += len(piece)
                    with hub.lock:
                        hub.sent += len(piece)
                    if pace:
                        time.sleep(len(piece) / pace)
                if end < len(data):
                    self.wfile.flush()
                    self.close_connection = True

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"

    def add(self, name: str, files: dict[str, bytes]) -> Repository:
        self.repositories[name] = Repository(files)
        return self.repositories[name]

    def file_requests(self) -> list[tuple[str, dict]]:
        return [(path, headers) for method, path, headers in self.requests if method == "GET" and "/resolve/" in path]

    def close(self):
        self.server.shutdown()
        self.server.server_close()
