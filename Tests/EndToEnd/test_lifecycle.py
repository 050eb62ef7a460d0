"""Two hundred random operations on models leave nothing behind and cut no answer."""
import contextlib
import json
import os
import pathlib
import random
import signal
import threading
import time

import httpx

from atelier_server import wait_until

OPERATIONS = 200
TEXTS = {"talker": "Hello there.", "second": "I am the second.", "counter": "0 system messages.", "quants": "I am Q4_0."}
ENDLESS = {"model": "talker", "input": "Tell me about @sea please", "temperature": 0}
# What may end an answer that somebody's unload, kill, or the brake after deaths got in the way of.
EXCUSED = {"model_unloaded", "generation_failed", "model_load_failed", "model_not_found", "server_busy"}


class Run:
    def __init__(self, server, seed: int):
        self.server, self.random, self.lock = server, random.Random(seed), threading.Lock()
        self.faults: list[str] = []
        self.violence = 0.0  # when the last unload or kill ended; infinite while one is under way
        self.counts: dict[str, int] = {}

    def complain(self, text: str):
        with self.lock:
            self.faults.append(text)

    def ask(self, model: str, stream: bool, ttl: int | None):
        """One answer; it must be whole, or say why not, and only violence meanwhile (or the brake after it) is a reason."""
        begun = time.monotonic()
        body = {"model": model, "input": "Who are you", "temperature": 0, "store": False, "stream": stream} | ({"ttl": ttl} if ttl else {})
        with httpx.Client(timeout=60) as client:
            if not stream:
                answer = client.post(f"{self.server.url}/api/v1/chat", json=body)
                if answer.status_code == 200:
                    text, code = "".join(item["content"] for item in answer.json()["output"]), None
                else:
                    text, code = "", answer.json()["error"]["code"]
            else:
                text, code, ended = "", None, False
                with client.stream("POST", f"{self.server.url}/api/v1/chat", json=body) as answer:
                    if answer.status_code != 200:
                        answer.read()
                        code = answer.json()["error"]["code"]
                        ended = True
                    else:
                        for line in answer.iter_lines():
                            if line.startswith("data: "):
                                event = json.loads(line[6:])
                                text += event.get("content", "") if event["type"] == "message.delta" else ""
                                code = event["error"]["code"] if event["type"] == "error" else code
                                ended = ended or event["type"] == "chat.end"
                if not ended:
                    self.complain(f"a stream of {model} ended without chat.end")
        if code is None and text != TEXTS[model.split(":")[0]]:
            self.complain(f"{model} said {text!r}")
        if code is not None and code != "server_busy" and (code not in EXCUSED or self.violence < begun - 1):
            self.complain(f"{model} failed with {code}")

    def cancel(self):
        """A client that leaves in the middle of an endless answer."""
        with contextlib.suppress(httpx.HTTPError):
            with httpx.stream("POST", f"{self.server.url}/api/v1/chat", json=ENDLESS | {"stream": True, "store": False}, timeout=30) as answer:
                for count, _ in enumerate(answer.iter_lines()):
                    if count > 20:
                        break

    def load(self, model: str, options: dict):
        answer = self.server.post("/api/v1/models/load", {"model": model, "context_length": 512} | options)
        if answer.status_code != 200 and answer.json()["error"]["code"] not in EXCUSED:
            self.complain(f"loading {model} failed: {answer.text}")

    def unload(self):
        instances = self.server.instances()
        if instances:
            self.violence = float("inf")
            answer = self.server.post("/api/v1/models/unload", {"instance_id": self.random.choice(instances)["identifier"]})
            if answer.status_code not in (200, 404):
                self.complain(f"unloading failed: {answer.text}")
            self.violence = time.monotonic()

    def kill(self):
        workers = self.server.workers()
        if workers:
            self.violence = float("inf")
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.random.choice(workers), signal.SIGKILL)
            self.violence = time.monotonic()

    def step(self):
        model = self.random.choice(list(TEXTS))
        kind = self.random.choices(["plain", "stream", "ttl", "cancel", "load", "unload", "kill"], [30, 30, 12, 8, 8, 9, 3])[0]
        self.counts[kind] = self.counts.get(kind, 0) + 1
        match kind:
            case "plain": return lambda: self.ask(model, False, None)
            case "stream": return lambda: self.ask(model, True, None)
            case "ttl": return lambda: self.ask(model, True, 1)
            case "cancel": return self.cancel
            case "load":
                options = self.random.choice([{}, {"ttl": 1}, {"parallel": 1}, {"pinned": True}])
                return lambda: self.load(model, options)
            case "unload": return self.unload
            case "kill": return self.kill


def resources(process: int) -> tuple[int, int]:
    """Open descriptors and resident bytes."""
    resident = int(pathlib.Path(f"/proc/{process}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return len(os.listdir(f"/proc/{process}/fd")), resident


def empty(server):
    for instance in server.instances():
        server.post("/api/v1/models/unload", {"instance_id": instance["identifier"]})
    wait_until(lambda: not server.instances() and not server.workers(), 20, "an empty server")


def test_random_operations(fresh, models_zoo):
    server = fresh(model=False).add_models(models_zoo, *TEXTS).start()
    run = Run(server, seed=7)
    # Once round, so that what is made once is made before it is counted.
    for model in TEXTS:
        run.ask(model, True, None)
    empty(server)
    descriptors, memory = resources(server.process.pid)

    begun = time.monotonic()
    pending: list[threading.Thread] = []
    for _ in range(OPERATIONS):
        thread = threading.Thread(target=run.step())
        thread.start()
        pending.append(thread)
        # At most three at once: an operation meets others in every stage.
        while len(pending) >= 3:
            pending = [thread for thread in pending if thread.is_alive()]
            time.sleep(0.002)
    for thread in pending:
        thread.join(60)
        assert not thread.is_alive(), "an operation did not end"
    assert not run.faults, run.faults
    assert len(run.counts) == 7, run.counts

    # No lease is left: everything is idle, and what was to expire does.
    wait_until(lambda: all(state["status"] == "idle" and state["queued"] == 0 for state in server.instances()), 20, "idleness")
    assert len(server.workers()) == len(server.instances())
    wait_until(lambda: all(state["ttlMs"] in (None, 3_600_000) for state in server.instances()), 20, "the expiry of short lives")
    empty(server)
    wait_until(lambda: resources(server.process.pid)[0] <= descriptors + 4, 10, "the closing of descriptors")
    assert resources(server.process.pid)[1] - memory < 64 << 20
    for model in TEXTS:
        run.ask(model, False, None)
    assert not run.faults, run.faults
    assert time.monotonic() - begun < 60
