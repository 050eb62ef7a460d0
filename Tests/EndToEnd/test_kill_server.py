"""`kill -9` at any moment: every id that was handed out is known afterwards, every model that was said to be complete is
whole, and every job is remembered. ATELIER_KILLS says how often (`make kills N=100`)."""
import json
import os
import random
import signal
import threading
import time

import httpx

from atelier_server import wait_until
from fake_hub import FakeHub
from test_downloads import tiny

KILLS = int(os.environ.get("ATELIER_KILLS", "4"))
SEED = int(os.environ.get("ATELIER_KILL_SEED", "1"))
CLIENTS = 3


class Campaign:
    """What was acknowledged, and the clients that get it."""

    def __init__(self, server, hub: FakeHub):
        self.server, self.hub = server, hub
        self.random, self.lock = random.Random(SEED), threading.Lock()
        self.faults: list[str] = []
        self.chats: list[str] = []
        self.responses: list[str] = []
        self.parents: dict[str, str] = {}
        self.forgotten: set[str] = set()
        self.completed: dict[str, str] = {}
        self.jobs: set[str] = set()
        self.repositories = 0

    def talk(self, end: threading.Event, number: int):
        """One client; each failure is the server's death."""
        last = None
        choice = random.Random(SEED * 1000 + number + len(self.chats))
        with httpx.Client(timeout=20) as client:
            while not end.is_set():
                try:
                    if choice.random() < 0.5:
                        body = {"model": "talker", "input": "Hi"} | ({"previous_response_id": last} if last else {})
                        answer = client.post(f"{self.server.url}/api/v1/chat", json=body)
                        if answer.status_code == 200:
                            with self.lock:
                                self.chats.append(answer.json()["response_id"])
                                if last:
                                    self.parents[self.chats[-1]] = last
                                last = self.chats[-1]
                    else:
                        answer = client.post(f"{self.server.url}/v1/responses", json={"model": "talker", "input": "Hi"})
                        if answer.status_code == 200:
                            with self.lock:
                                self.responses.append(answer.json()["id"])
                    if answer.status_code not in (200, 503):
                        self.faults.append(answer.text)
                except httpx.HTTPError:
                    return

    def fetch(self, end: threading.Event):
        """Small downloads, one after the other."""
        while not end.is_set():
            with self.lock:
                self.repositories += 1
                name = f"o/m{self.repositories}-GGUF"
            self.hub.add(name, {f"m{self.repositories}.gguf": tiny(400_000, self.repositories)}).bytes_per_second = 4e6
            try:
                with httpx.Client(timeout=20) as client:
                    answer = client.post(f"{self.server.url}/api/v1/models/download", json={"model": f"{self.hub.url}/{name}"})
                    if answer.status_code != 200:
                        self.faults.append(answer.text)
                        return
                    job = answer.json()["job_id"]
                    with self.lock:
                        self.jobs.add(job)
                    while not end.is_set():
                        now = client.get(f"{self.server.url}/api/v1/models/download/status/{job}").json()
                        if now["status"] == "completed":
                            with self.lock:
                                self.completed[job] = name
                            break
            except httpx.HTTPError:
                return

    def round(self):
        end = threading.Event()
        clients = [threading.Thread(target=self.talk, args=(end, number)) for number in range(CLIENTS)]
        clients.append(threading.Thread(target=self.fetch, args=(end,)))
        for client in clients:
            client.start()
        # The moment is the experiment, not something to wait for.
        time.sleep(self.random.uniform(0.02, 1.2))
        workers = self.server.workers()
        self.server.stop(signal.SIGKILL)
        end.set()
        for client in clients:
            client.join(30)
            assert not client.is_alive(), "a client hangs"
        wait_until(lambda: not any(os.path.exists(f"/proc/{worker}/fd") and os.listdir(f"/proc/{worker}/fd") for worker in workers), 10, "the workers' end")
        self.server.start()
        self.check()

    def check(self):
        assert not self.faults, self.faults[:3]
        with httpx.Client(timeout=20, base_url=self.server.url) as client:
            # All of the last rounds, and a sample of those before, so that a hundred rounds do not take a day.
            for id in self.sample(self.chats):
                answer = client.get(f"/atelier/chats/{id}")
                assert answer.status_code == 200, f"{id} was acknowledged and is gone: {answer.text}"
                if id in self.parents:
                    assert self.parents[id] in answer.text, f"{id} lost the turn before it"
            for id in self.sample(self.responses):
                answer = client.get(f"/v1/responses/{id}")
                assert answer.status_code == 200 and answer.json()["output"][0]["content"][0]["text"] == "Hello there.", answer.text
            jobs = {job["job_id"]: job for job in client.get("/api/v1/models/download/status").json()["jobs"]}
            for job in self.jobs:
                assert job in jobs, f"{job} was acknowledged and is gone"
                if job in self.completed:
                    assert jobs[job]["status"] == "completed", jobs[job]
                else:
                    assert jobs[job]["status"] in ("paused", "completed"), jobs[job]
            keys = {model["key"] for model in client.get("/api/v1/models").json()["models"]}
        for folder in (self.server.home / "models/o").glob("*"):
            for path in folder.iterdir():
                if path.suffix == ".gguf":
                    whole = self.hub.repositories[f"o/{folder.name}"].files[path.name]
                    assert path.read_bytes() == whole, f"{path.name} is not what the hub sent"
                else:
                    assert path.suffix == ".part", path
        for name in self.completed.values():
            assert name.removeprefix("o/").removesuffix("-GGUF") in keys, f"{name} was complete and is not listed"
        # Finished downloads would grow the list past what a journal keeps.
        with httpx.Client(timeout=20, base_url=self.server.url) as client:
            for job in list(self.jobs):
                if job in self.completed or len(self.jobs) > 12:
                    client.post(f"/atelier/downloads/{job}/cancel", json={})
                    self.jobs.discard(job)

    def sample(self, ids: list[str]) -> list[str]:
        recent = ids[-60:]
        return recent + self.random.sample(ids[:-60], min(20, len(ids) - len(recent)))


def test_what_was_acknowledged_survives(fresh, models_zoo):
    hub = FakeHub()
    try:
        server = fresh(model=False, environment={"HF_ENDPOINT": hub.url}).add_models(models_zoo, "talker").start()
        campaign = Campaign(server, hub)
        for _ in range(KILLS):
            campaign.round()
        assert campaign.chats and campaign.responses and campaign.jobs | set(campaign.completed)
        print(json.dumps({"kills": KILLS, "seed": SEED, "chats": len(campaign.chats), "responses": len(campaign.responses),
                          "downloads": campaign.repositories, "completed": len(campaign.completed)}))
    finally:
        hub.close()
