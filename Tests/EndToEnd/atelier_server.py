"""Starts the real `atelier` binary on a port and a data folder of its own, for one test module."""
import contextlib
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import httpx

BINARIES = pathlib.Path(os.environ["ATELIER_BIN"])
MODEL = pathlib.Path(os.environ["ATELIER_TEST_MODEL"])
KEY = "smollm2-135m-instruct"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until(condition, seconds: float = 20.0, what: str = "condition"):
    """Polls `condition` until it is truthy and returns its value; fails after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"{what} did not come true within {seconds} s"
        time.sleep(0.02)


class Server:
    def __init__(self, *flags: str, environment: dict | None = None, home: pathlib.Path | None = None, model: bool = True,
                 before_exec=None):
        self.own_home = home is None
        self.home = home or pathlib.Path(tempfile.mkdtemp(prefix="atelier-test-"))
        self.flags = flags
        self.before_exec = before_exec
        """Called in the server's process before it runs, to take resources away from it."""
        self.environment = environment or {}
        self.port = free_port()
        self.process: subprocess.Popen | None = None
        if model:
            self.add_model("HuggingFaceTB/SmolLM2-135M-Instruct-GGUF/SmolLM2-135M-Instruct.Q4_1.gguf", MODEL)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        return (self.home / "server.log").read_text(errors="replace")

    def add_model(self, relative: str, source: pathlib.Path | bytes):
        target = self.home / "models" / relative
        target.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(source, bytes):
            target.write_bytes(source)
        elif not target.exists():
            try:
                os.link(source, target)
            except OSError:
                shutil.copy(source, target)
        return target

    def add_models(self, folder: pathlib.Path, *keys: str) -> "Server":
        """Links the tiny models of the zoo, or some of them."""
        for source in sorted(folder.rglob("*.gguf")):
            relative = source.relative_to(folder)
            if not keys or relative.parts[1] in keys:
                self.add_model(str(relative), source)
        return self

    def instances(self) -> list[dict]:
        return self.get("/atelier/instances").json()["instances"]

    def loaded(self) -> list[str]:
        """Ids of the instances the native list shows."""
        return [instance["id"] for model in self.get("/api/v1/models").json()["models"] for instance in model["loaded_instances"]]

    def command(self, *arguments: str) -> list[str]:
        return [str(BINARIES / "atelier"), *arguments]

    def full_environment(self) -> dict:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("ATELIER_", "LM"))}
        return kept | {"ATELIER_HOME": str(self.home)} | self.environment

    def start(self) -> "Server":
        log = open(self.home / "server.log", "ab")
        self.process = subprocess.Popen(
            self.command("serve", "--port", str(self.port), *self.flags),
            env=self.full_environment(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=self.before_exec)
        log.close()
        wait_until(self._answers, 30, "the server's greeting")
        return self

    def _answers(self) -> bool:
        assert self.process.poll() is None, f"the server ended with {self.process.returncode}:\n{self.log}"
        with contextlib.suppress(httpx.HTTPError):
            return httpx.get(f"{self.url}/lmstudio-greeting", timeout=1).status_code == 200
        return False

    def stop(self, with_signal: int = signal.SIGTERM) -> int:
        if self.process is None or self.process.poll() is not None:
            return self.process.returncode if self.process else 0
        self.process.send_signal(with_signal)
        try:
            return self.process.wait(35)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise

    def restart(self, with_signal: int = signal.SIGTERM):
        self.stop(with_signal)
        self.start()

    def remove(self):
        with contextlib.suppress(Exception):
            self.stop(signal.SIGKILL)
        if self.own_home:
            shutil.rmtree(self.home, ignore_errors=True)

    def run(self, *arguments: str, timeout: float = 60) -> subprocess.CompletedProcess:
        """One command of the command line against this server."""
        return subprocess.run(self.command(*arguments), env=self.full_environment(), stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=timeout)

    # Requests

    def get(self, path: str, **options) -> httpx.Response:
        return httpx.get(self.url + path, timeout=30, **options)

    def post(self, path: str, body, **options) -> httpx.Response:
        return httpx.post(self.url + path, json=body, timeout=120, **options)

    def chat(self, **body) -> dict:
        """A native chat that must succeed."""
        answer = self.post("/api/v1/chat", {"model": KEY} | body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def stream(self, path: str = "/api/v1/chat", **body):
        """Server-sent events of a streamed request as (event name or None, data as text)."""
        with httpx.stream("POST", self.url + path, json={"model": KEY, "stream": True} | body, timeout=120) as answer:
            if answer.status_code != 200:
                answer.read()
            assert answer.status_code == 200, answer.text
            assert answer.headers["content-type"].startswith("text/event-stream")
            yield from server_sent_events(answer.iter_text())

    def native_events(self, **body) -> list[dict]:
        events = []
        for name, data in self.stream(**body):
            event = json.loads(data)
            assert event["type"] == name
            events.append(event)
        return events

    def kill_engines(self, with_signal: int = signal.SIGKILL, besides=()) -> list[int]:
        """Ends all workers but some, and returns their process ids."""
        workers = [worker for worker in self.workers() if worker not in besides]
        for worker in workers:
            with contextlib.suppress(ProcessLookupError):
                os.kill(worker, with_signal)
        return workers

    def busy(self) -> bool:
        return any(entry["status"] != "idle" for entry in self.instances())

    def workers(self) -> list[int]:
        """Process ids of this server's workers."""
        found = []
        for entry in pathlib.Path("/proc").iterdir():
            if entry.name.isdigit():
                with contextlib.suppress(OSError):
                    fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
                    name = (entry / "comm").read_text().strip()
                    if int(fields[1]) == self.process.pid and name.startswith("atelier-worker") and fields[0] != "Z":
                        found.append(int(entry.name))
        return sorted(found)


def server_sent_events(pieces):
    """Splits a text stream into (event, data) pairs; comments are skipped; every frame must end with an empty line."""
    buffer = ""
    for piece in pieces:
        buffer += piece
        while "\n\n" in buffer:
            frame, buffer = buffer.split("\n\n", 1)
            name, data = None, []
            for line in frame.split("\n"):
                if line.startswith(":"):
                    continue
                field, _, value = line.partition(": ")
                if field == "event":
                    name = value
                elif field == "data":
                    data.append(value)
                else:
                    raise AssertionError(f"unexpected line {line!r}")
            if data:
                yield name, "\n".join(data)
    assert buffer == "", f"the stream ended inside a frame: {buffer!r}"
