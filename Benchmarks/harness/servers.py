"""The two servers as child processes, each with the same few verbs."""
import dataclasses
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request


@dataclasses.dataclass(frozen=True)
class Model:
    path: pathlib.Path
    max_context: int
    end_tokens: tuple[int, ...] = ()  # banned where answers shall have one length

    @property
    def no_end(self) -> dict[str, int]:
        return {str(token): -100 for token in self.end_tokens}


@dataclasses.dataclass(frozen=True)
class Setting:
    """How a server is started; a workload with the same setting uses the same process."""
    model: Model
    slots: int = 8
    cells: int = 32768
    flags: tuple[str, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()


class Server:
    def __init__(self, setting: Setting, folder: pathlib.Path):
        self.setting = setting
        self.log = open(folder / f"{type(self).__name__}-{time.monotonic_ns()}.log", "wb")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.process: subprocess.Popen | None = None
        self.model = ""

    def spawn(self, command: list, environment: dict):
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("ATELIER_", "LLAMA_", "GOMP_", "OMP_"))}
        self.command = [str(word) for word in command]
        self.process = subprocess.Popen(self.command, env=kept | environment, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)

    def request(self, path: str, body: dict | None = None, timeout: float = 120):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data, {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=timeout) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise RuntimeError(f"{path}: {error.code} {error.read().decode(errors='replace')[:300]}") from None

    def await_answer(self, path: str, seconds: float = 60):
        deadline = time.monotonic() + seconds
        while True:
            if self.process.poll() is not None:
                raise RuntimeError(f"{self.command[0]} ended with {self.process.returncode}, see {self.log.name}")
            try:
                return self.request(path, timeout=2)
            except (OSError, RuntimeError, ValueError):
                if time.monotonic() > deadline:
                    raise RuntimeError(f"{self.command[0]} does not answer, see {self.log.name}") from None
                time.sleep(0.1)

    def rest(self):
        """Takes no processor time until `wake`."""

    def wake(self):
        """Ends `rest`."""

    def stop(self):
        if self.process and self.process.poll() is None:
            self.wake()
            self.process.terminate()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.log.close()


class Peer(Server):
    """llama-server of the tree that Atelier's engine is built from."""

    def __init__(self, setting: Setting, folder: pathlib.Path, binaries: pathlib.Path):
        super().__init__(setting, folder)
        self.binaries = binaries

    def start(self):
        setting = self.setting
        self.spawn([self.binaries / "llama-server", "-m", setting.model.path, "--host", "127.0.0.1", "--port", self.port,
                    "-t", os.cpu_count(), "-fa", "on", "-np", setting.slots, "-c", setting.cells, "--cache-reuse", "256",
                    "--jinja", "--no-webui", *setting.flags], dict(setting.environment))
        self.await_answer("/health")
        self.model = self.request("/v1/models")["data"][0]["id"]

    def rest(self):
        self.process.send_signal(signal.SIGSTOP)

    def wake(self):
        self.process.send_signal(signal.SIGCONT)


class Atelier(Server):
    """The release binary with a data folder of its own. It is left running while the peer is measured: idle, it takes
    only its heartbeats, and a stopped server would take the silence of its worker for a hang."""

    def __init__(self, setting: Setting, folder: pathlib.Path, binaries: pathlib.Path):
        super().__init__(setting, folder)
        self.binaries = binaries
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="home-", dir=folder))

    def start(self):
        source = self.setting.model.path
        target = self.home / "models/bench" / source.stem / source.name
        target.parent.mkdir(parents=True)
        try:
            os.link(source, target)
        except OSError:
            shutil.copy(source, target)
        self.spawn([self.binaries / "atelier", "serve", "--port", self.port, *self.setting.flags],
                   {"ATELIER_HOME": str(self.home)} | dict(self.setting.environment))
        self.await_answer("/lmstudio-greeting")
        [entry] = self.request("/api/v1/models")["models"]
        body = {"model": entry["key"], "context_length": min(self.setting.cells, self.setting.model.max_context)}
        if entry["type"] == "llm":
            body["parallel"] = self.setting.slots
        self.model = self.request("/api/v1/models/load", body)["instance_id"]

    def stop(self):
        super().stop()
        shutil.rmtree(self.home, ignore_errors=True)
