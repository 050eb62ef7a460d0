"""Hours of mixed traffic in minutes: every dialect, streams and whole answers, clients that leave, models that are unloaded
and loaded again. Prints, at intervals, the resident memory of both kinds of processes, descriptors and stuck requests, and
fails when memory grows by more than 64 MiB after warm-up, descriptors grow, or a request hangs. `make soak MINUTES=10`."""
import argparse
import contextlib
import json
import os
import pathlib
import random
import shutil
import sqlite3
import sys
import tempfile
import threading
import time

import httpx

import zoo
from atelier_server import Server

GROWTH = 64 << 20
STUCK = 60.0
WORKERS = 6
# Turns that may be stored; more of them live for a minute.
TURNS = 2000
MODELS = ["talker", "second", "counter"]
ENDLESS = "Tell me about @sea please"


class Soak:
    def __init__(self, server: Server, seed: int):
        self.server, self.seed = server, seed
        self.lock = threading.Lock()
        self.counts: dict[str, int] = {}
        self.faults: list[str] = []
        self.running: dict[int, tuple[str, float]] = {}
        self.end = threading.Event()

    def client(self, number: int):
        choice = random.Random(self.seed * 100 + number)
        chat = lambda model: {"model": model, "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 64}
        with httpx.Client(base_url=self.server.url, timeout=STUCK) as client:
            kinds = {
                "native": lambda model: self.whole(client, "/api/v1/chat", {"model": model, "input": "Hi"}),
                "native stream": lambda model: self.stream(client, "/api/v1/chat", {"model": model, "input": "Hi"}),
                "chat": lambda model: self.whole(client, "/v1/chat/completions", chat(model)),
                "chat stream": lambda model: self.stream(client, "/v1/chat/completions", chat(model)),
                "responses": lambda model: self.whole(client, "/v1/responses", {"model": model, "input": "Hi"}),
                "messages stream": lambda model: self.stream(client, "/v1/messages", chat(model)),
                "completions": lambda model: self.whole(client, "/v1/completions", {"model": model, "prompt": "Hi", "max_tokens": 16}),
                "v0": lambda model: self.whole(client, "/api/v0/chat/completions", chat(model)),
                "lists": lambda model: [self.answered(client.get(path)) for path in ("/v1/models", "/api/v1/models", "/atelier/instances", "/atelier/chats")],
                "refusals": lambda model: self.refusals(client),
                "leave": lambda model: self.leave(client),
                "unload": lambda model: self.whole(client, "/api/v1/models/unload", {"instance_id": model}, (200, 404)),
            }
            weights = [4, 6, 4, 6, 3, 4, 3, 2, 3, 2, 3, 0.4]
            while not self.end.is_set():
                kind = choice.choices(list(kinds), weights)[0]
                with self.lock:
                    self.running[number] = (kind, time.monotonic())
                    self.counts[kind] = self.counts.get(kind, 0) + 1
                try:
                    kinds[kind](choice.choice(MODELS))
                except httpx.HTTPError as error:
                    self.faults.append(f"{kind}: {type(error).__name__} {error}")
                finally:
                    with self.lock:
                        del self.running[number]

    def answered(self, answer: httpx.Response, wanted=(200,)):
        # Somebody may unload a model that another one waits for.
        if answer.status_code not in (*wanted, 429, 503) and "model_unloaded" not in answer.text and "overloaded" not in answer.text:
            self.faults.append(f"{answer.url}: {answer.status_code} {answer.text[:200]}")

    def whole(self, client, path, body, wanted=(200,)):
        self.answered(client.post(path, json=body), wanted)

    def stream(self, client, path, body):
        with client.stream("POST", path, json=body | {"stream": True}) as answer:
            answer.read()
            self.answered(answer)

    def leave(self, client):
        with contextlib.suppress(httpx.HTTPError), client.stream(
                "POST", "/api/v1/chat", json={"model": "talker", "input": ENDLESS, "stream": True, "store": False}) as answer:
            for count, _ in enumerate(answer.iter_lines()):
                if count > 30:
                    break

    def refusals(self, client):
        for content in (b"{", b'{"model":"nobody","input":"Hi"}', b'{"model":5}'):
            answer = client.post("/api/v1/chat", content=content)
            if answer.status_code not in (400, 404):
                self.faults.append(f"refusal: {answer.status_code}")

    # Measuring

    def figures(self) -> dict:
        workers = self.server.workers()
        now = time.monotonic()
        with self.lock:
            stuck = [f"{kind} for {now - since:.0f} s" for kind, since in self.running.values() if now - since > STUCK]
            return {"server_mib": resident(self.server.process.pid) / 2**20, "workers": len(workers),
                    "largest_worker_mib": max((resident(worker) for worker in workers), default=0) / 2**20,
                    "descriptors": len(os.listdir(f"/proc/{self.server.process.pid}/fd")), "turns": turns(self.server.home), "stuck": stuck, "requests": sum(self.counts.values())}


def resident(process: int) -> int:
    with contextlib.suppress(OSError):
        return int(pathlib.Path(f"/proc/{process}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return 0


def turns(home: pathlib.Path) -> int:
    """Turns in the store."""
    with contextlib.closing(sqlite3.connect(f"file:{home}/atelier.sqlite?mode=ro", uri=True, timeout=10)) as database:
        return database.execute("SELECT count(*) FROM node").fetchone()[0]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="atelier-soak-"))
    # A store that is soon full, or its growth would count as the server's; and every model may stay loaded.
    server = Server("--set", f"chats.max_nodes={TURNS}", "--set", "jit.keep_last_only=false", model=False).add_models(zoo.build(folder), *MODELS)
    try:
        server.start()
        soak = Soak(server, options.seed)
        threads = [threading.Thread(target=soak.client, args=(number,), daemon=True) for number in range(WORKERS)]
        for thread in threads:
            thread.start()
        seconds = options.minutes * 60
        begun, warm, worst = time.monotonic(), None, []
        while (passed := time.monotonic() - begun) < seconds:
            time.sleep(min(10, max(0.1, seconds - passed)))
            now = soak.figures()
            if warm is None and time.monotonic() - begun >= min(120, seconds / 3):
                warm = now
            worst.append(now)
            print(json.dumps({"second": round(time.monotonic() - begun)} | {k: round(v, 1) if isinstance(v, float) else v for k, v in now.items()}), flush=True)
            if now["stuck"] or len(soak.faults) > 20:
                break
        soak.end.set()
        for thread in threads:
            thread.join(STUCK)
        last = soak.figures()
        problems = [f"{name} grew from {warm[name]:.0f} to {last[name]:.0f} MiB"
                    for name in ("server_mib", "largest_worker_mib") if warm and (last[name] - warm[name]) * 2**20 > GROWTH]
        if warm and last["descriptors"] > warm["descriptors"] + 16:
            problems.append(f"descriptors grew from {warm['descriptors']} to {last['descriptors']}")
        made = sum(soak.counts.get(kind, 0) for kind in ("native", "native stream", "responses"))
        if last["turns"] > TURNS + made * min(1, 120 / (time.monotonic() - begun)):
            problems.append(f"{last['turns']} turns are stored")
        problems += [f"stuck: {text}" for now in worst for text in now["stuck"]] + [f"thread {thread.name} hangs" for thread in threads if thread.is_alive()]
        problems += soak.faults[:10]
        print(json.dumps({"requests": soak.counts, "warm": warm, "last": last, "problems": problems}, indent=1))
        return 1 if problems or warm is None else 0
    finally:
        server.remove()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
