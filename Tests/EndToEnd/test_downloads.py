"""Downloads against a hub that misbehaves. Most files are made by `tiny`: small, but with a true header, because a
finished file is refused without one."""
import hashlib
import json
import re
import signal
import struct
import time

import pytest

from atelier_server import MODEL, wait_until
from fake_hub import FakeHub

JOB = re.compile(r"job_[0-9a-f]{10}")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def tiny(size: int = 200_000, seed: int = 1, architecture: str = "llama") -> bytes:
    """A GGUF file that is listed: a header and one F32 tensor that fills it."""
    def text(value: str) -> bytes:
        return struct.pack("<Q", len(value)) + value.encode()

    def pair(key: str, kind: int, value: bytes) -> bytes:
        return text(key) + struct.pack("<I", kind) + value

    metadata = [pair("general.architecture", 8, text(architecture)), pair(f"{architecture}.context_length", 4, struct.pack("<I", 64))]
    elements = size // 4
    head = b"GGUF" + struct.pack("<IQQ", 3, 1, len(metadata)) + b"".join(metadata)
    head += text("token_embd.weight") + struct.pack("<IQIQ", 1, elements, 0, 0)
    head += bytes(-len(head) % 32)
    body = hashlib.shake_256(struct.pack("<I", seed)).digest(elements * 4)
    return head + body


@pytest.fixture
def hub():
    instance = FakeHub()
    yield instance
    instance.close()


@pytest.fixture
def start(fresh, hub):
    def make(**environment):
        return fresh(model=False, environment={"HF_ENDPOINT": hub.url} | environment).start()
    return make


def request(server, model: str, **body):
    return server.post("/api/v1/models/download", {"model": model} | body)


def status(server, job: str) -> dict:
    answer = server.get(f"/api/v1/models/download/status/{job}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def finish(server, job: str, state: str = "completed", seconds: float = 60) -> dict:
    """Waits for the end of a job and checks every status on the way."""
    shown = 0
    deadline = time.monotonic() + seconds
    while True:
        now = status(server, job)
        assert now["job_id"] == job and shown <= now["downloaded_bytes"] <= now["total_size_bytes"]
        assert ("bytes_per_second" in now) == (now["status"] == "downloading")
        shown = now["downloaded_bytes"]
        if now["status"] != "downloading":
            assert now["status"] == state, now
            return now
        assert time.monotonic() < deadline, now
        time.sleep(0.02)


def keys(server) -> list[str]:
    return [model["key"] for model in server.get("/api/v1/models").json()["models"]]


def files(server) -> list[str]:
    return sorted(str(path.relative_to(server.home / "models")) for path in (server.home / "models").rglob("*") if path.is_file())


def refused(answer, status_code: int, code: str, param: str | None = None):
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (status_code, code), answer.text
    if param:
        assert error["param"] == param
    return error


def test_real_model_is_downloaded_listed_loaded_and_known(hub, start):
    data = MODEL.read_bytes()
    repository = hub.add("HuggingFaceTB/SmolLM2-135M-Instruct-GGUF", {"SmolLM2-135M-Instruct.Q4_1.gguf": data, "README.md": b"x"})
    repository.bytes_per_second = 60e6
    repository.redirect = "/cdn/{path}"
    server = start()
    answer = request(server, f"{hub.url}/HuggingFaceTB/SmolLM2-135M-Instruct-GGUF")
    assert answer.status_code == 200, answer.text
    job = answer.json()
    assert JOB.fullmatch(job["job_id"]) and job["status"] == "downloading"
    assert job["total_size_bytes"] == len(data) and TIME.fullmatch(job["started_at"]) and "completed_at" not in job

    moving = wait_until(lambda: (now := status(server, job["job_id"]))["status"] == "downloading" and now["bytes_per_second"] > 0 and now, 10)
    assert TIME.fullmatch(moving["estimated_completion"])
    again = request(server, f"{hub.url}/HuggingFaceTB/SmolLM2-135M-Instruct-GGUF").json()
    assert again["job_id"] == job["job_id"]
    assert keys(server) == []

    done = finish(server, job["job_id"])
    assert done["downloaded_bytes"] == len(data) and TIME.fullmatch(done["completed_at"])
    assert keys(server) == ["smollm2-135m-instruct"]
    assert hub.sent == len(data)
    assert server.post("/api/v1/models/load", {"model": "smollm2-135m-instruct"}).status_code == 200
    for name in (f"{hub.url}/HuggingFaceTB/SmolLM2-135M-Instruct-GGUF", "HuggingFaceTB/SmolLM2-135M-Instruct-GGUF"):
        assert request(server, name).text == '{"status":"already_downloaded"}'
    listed = server.get("/api/v1/models/download/status").json()["jobs"]
    assert [entry["job_id"] for entry in listed] == [job["job_id"]]
    assert server.get(f"/api/v1/models/download/status?job_id={job['job_id']}").json()["status"] == "completed"


def test_kill_restart_resume(hub, start):
    data = tiny(8_000_000)
    repository = hub.add("o/big-GGUF", {"big.Q4_K_M.gguf": data})
    repository.bytes_per_second = 4e6
    server = start()
    job = request(server, f"{hub.url}/o/big-GGUF").json()["job_id"]
    wait_until(lambda: status(server, job)["downloaded_bytes"] > 3_000_000, 20)
    server.restart(signal.SIGKILL)
    assert keys(server) == [] and files(server) == ["o/big-GGUF/big.Q4_K_M.gguf.part"]
    assert status(server, job)["status"] == "paused"
    repository.bytes_per_second = None
    resumed = request(server, f"{hub.url}/o/big-GGUF").json()
    assert resumed["job_id"] == job and resumed["status"] == "downloading"
    finish(server, job)
    assert hub.sent < 1.2 * len(data)
    assert (server.home / "models/o/big-GGUF/big.Q4_K_M.gguf").read_bytes() == data
    server.restart()
    assert status(server, job)["status"] == "completed"


def test_graceful_stop_pauses_too(hub, start):
    hub.add("o/slow-GGUF", {"slow.gguf": tiny(4_000_000)}).bytes_per_second = 1e6
    server = start()
    job = request(server, f"{hub.url}/o/slow-GGUF").json()["job_id"]
    wait_until(lambda: status(server, job)["downloaded_bytes"] > 200_000, 20)
    server.restart()
    now = status(server, job)
    assert now["status"] == "paused" and now["downloaded_bytes"] > 0


def test_quantizations(hub, start):
    names = ["m.Q2_K.gguf", "m.Q8_0.gguf", "m.Q4_1.gguf", "m.F16.gguf", "mmproj-m-F32.gguf", "mmproj-m-BF16.gguf"]
    hub.add("o/m-GGUF", {name: tiny(40_000, seed, "clip" if "mmproj" in name else "llama") for seed, name in enumerate(names)}).page = 2
    server = start()
    finish(server, request(server, f"{hub.url}/o/m-GGUF").json()["job_id"])
    assert files(server) == ["o/m-GGUF/m.Q4_1.gguf", "o/m-GGUF/mmproj-m-BF16.gguf"]
    finish(server, request(server, f"{hub.url}/o/m-GGUF", quantization="q8_0").json()["job_id"])
    finish(server, request(server, "o/m-GGUF@q2_k").json()["job_id"])
    finish(server, request(server, f"{hub.url}/o/m-GGUF/blob/main/m.F16.gguf").json()["job_id"])
    assert set(files(server)) == {"o/m-GGUF/" + name for name in names} - {"o/m-GGUF/mmproj-m-F32.gguf"}
    error = refused(request(server, f"{hub.url}/o/m-GGUF", quantization="Q5_K_M"), 400, "invalid_value", "quantization")
    assert "F16, Q2_K, Q4_1, Q8_0" in error["message"]
    error = refused(request(server, "o/m-GGUF", quantization="Q8_0"), 501, "not_implemented")
    assert error["type"] == "not_implemented"


def test_shards_come_together(hub, start):
    parts = {f"Q4_K_M/s-Q4_K_M-0000{n}-of-00002.gguf": tiny(50_000, n) for n in (1, 2)}
    hub.add("o/s-GGUF", parts | {"Q8_0/s-Q8_0-00001-of-00003.gguf": tiny(9_000)})
    server = start()
    job = request(server, f"{hub.url}/o/s-GGUF").json()
    assert job["total_size_bytes"] == sum(map(len, parts.values()))
    finish(server, job["job_id"])
    assert files(server) == [f"o/s-GGUF/s-Q4_K_M-0000{n}-of-00002.gguf" for n in (1, 2)]


def test_refusals(hub, start):
    hub.add("o/readme", {"README.md": b"x"})
    hub.add("o/gated-GGUF", {"g.gguf": tiny()}).gated = True
    server = start()
    assert refused(request(server, "o/nothing"), 404, "model_not_found")["type"] == "model_not_found"
    refused(request(server, f"{hub.url}/o/nothing"), 404, "model_not_found")
    refused(request(server, f"{hub.url}/o/readme"), 400, "no_compatible_files")
    refused(request(server, f"{hub.url}/o/gated-GGUF"), 403, "gated_repository")
    for link in ("http://huggingface.co/o/r", "https://example.com/o/r", f"{hub.url}/o", "https://u:p@huggingface.co/o/r",
                 "https://huggingface.co:444/o/r", f"{hub.url}/../r/x", f"{hub.url}/o/r/raw/main/x.gguf", "a/b/c", "..", "a@b@c"):
        refused(request(server, link), 400, "invalid_value", "model")
    missing = server.get("/api/v1/models/download/status/job_0123456789")
    assert missing.status_code == 404 and missing.json()["error"]["type"] == "job_not_found"
    assert files(server) == [] and server.get("/api/v1/models/download/status").json() == {"jobs": []}


def test_hub_that_is_not_there(fresh):
    server = fresh(model=False, environment={"HF_ENDPOINT": "http://127.0.0.1:9"}).start()
    assert refused(request(server, "o/r"), 502, "hub_unreachable")["type"] == "internal_error"


def test_token_goes_to_the_hub_only_and_is_never_logged(hub, start):
    other = FakeHub()
    try:
        data = tiny()
        hub.add("o/gated-GGUF", {"g.gguf": data}).gated = True
        server = start(HF_TOKEN="hf_secret")
        finish(server, request(server, f"{hub.url}/o/gated-GGUF").json()["job_id"])
        assert all(headers.get("authorization") == "Bearer hf_secret" for _, _, headers in hub.requests)
        hub.add("o/away-GGUF", {"g.gguf": data}).redirect = other.url + "/cdn/{path}"
        failed = finish(server, request(server, f"{hub.url}/o/away-GGUF").json()["job_id"], "failed")
        assert "redirect" in failed["error"]["message"]
        assert other.requests == []
        assert "hf_secret" not in server.log
        for path in server.home.rglob("*"):
            assert not path.is_file() or b"hf_secret" not in path.read_bytes()
    finally:
        other.close()


@pytest.mark.parametrize("target", [
    "https://127.0.0.1:9/x", "https://localhost:9/x", "https://169.254.169.254/latest", "https://[::1]:9/x",
    "https://[::ffff:127.0.0.1]:9/x", "https://2130706433:9/x", "http://huggingface.co/x", "file:///etc/passwd", "gopher://x/"])
def test_redirects_to_where_nobody_may_go(hub, start, target):
    hub.add("o/r-GGUF", {"r.gguf": tiny()}).redirect = target
    server = start()
    failed = finish(server, request(server, f"{hub.url}/o/r-GGUF").json()["job_id"], "failed", 20)
    assert failed["error"]["type"] == "internal_error" and keys(server) == []


def test_redirect_loop_ends(hub, start):
    hub.add("o/r-GGUF", {"r.gguf": tiny()}).redirect = "/{path}"
    server = start()
    finish(server, request(server, f"{hub.url}/o/r-GGUF").json()["job_id"], "failed", 20)
    assert len(hub.file_requests()) == 6


def test_cut_connections_and_refusals_are_survived(hub, start):
    data = tiny(2_000_000)
    repository = hub.add("o/cut-GGUF", {"cut.gguf": data})
    repository.cut_after, repository.cuts = 300_000, 4
    repository.refusals = [(503, {}), (429, {"Retry-After": "1"})]
    server = start()
    finish(server, request(server, f"{hub.url}/o/cut-GGUF").json()["job_id"])
    assert (server.home / "models/o/cut-GGUF/cut.gguf").read_bytes() == data
    assert hub.sent < 1.2 * len(data)


def test_hub_without_ranges(hub, start):
    data = tiny(500_000)
    repository = hub.add("o/plain-GGUF", {"plain.gguf": data})
    repository.ranges, repository.cut_after, repository.cuts = False, 300_000, 1
    server = start()
    finish(server, request(server, f"{hub.url}/o/plain-GGUF").json()["job_id"])
    assert (server.home / "models/o/plain-GGUF/plain.gguf").read_bytes() == data


@pytest.mark.parametrize("lie", ["hash", "more", "size", "header"])
def test_lies_are_detected(hub, start, lie):
    data = tiny() if lie != "header" else b"GGUF" + bytes(1000)
    repository = hub.add("o/lie-GGUF", {"lie.gguf": data})
    if lie == "hash":
        repository.hashes["lie.gguf"] = "0" * 64
    elif lie == "more":
        repository.extra = bytes(100_000)
    elif lie == "size":
        repository.sizes["lie.gguf"] -= 1000
    server = start()
    failed = finish(server, request(server, f"{hub.url}/o/lie-GGUF").json()["job_id"], "failed")
    assert failed["error"]["type"] == "internal_error" and "lie.gguf" in failed["error"]["message"]
    assert str(server.home) not in json.dumps(failed)
    assert keys(server) == [] and files(server) == []


def test_bad_names_of_the_hub_reach_no_file(hub, start):
    data = tiny()
    hub.add("o/evil-GGUF", {"../../evil.gguf": data, "/etc/evil.gguf": data, ".hidden.gguf": data, "a\\..\\evil.gguf": data})
    server = start()
    refused(request(server, f"{hub.url}/o/evil-GGUF"), 400, "no_compatible_files")
    assert files(server) == []


def test_a_file_of_the_users_own_is_never_replaced(hub, start):
    hub.add("o/mine-GGUF", {"mine.gguf": tiny()})
    server = start()
    own = server.add_model("o/mine-GGUF/mine.gguf", b"my own bytes")
    failed = finish(server, request(server, f"{hub.url}/o/mine-GGUF").json()["job_id"], "failed")
    assert "exists" in failed["error"]["message"] and own.read_bytes() == b"my own bytes"


def test_full_disk_is_said(hub, start):
    hub.add("o/big-GGUF", {"big.gguf": tiny()})
    server = start(ATELIER_DOWNLOADS_KEEP_FREE_BYTES=str(1 << 60))
    failed = finish(server, request(server, f"{hub.url}/o/big-GGUF").json()["job_id"], "failed")
    assert "bytes" in failed["error"]["message"] and files(server) == []


def test_three_at_once_and_the_rest_waits(hub, start):
    for n in range(5):
        hub.add(f"o/m{n}-GGUF", {f"m{n}.gguf": tiny(300_000, n)}).bytes_per_second = 300_000
    server = start()
    jobs = [request(server, f"{hub.url}/o/m{n}-GGUF").json()["job_id"] for n in range(5)]
    wait_until(lambda: len(hub.file_requests()) == 3, 10)
    time.sleep(0.3)
    assert len(hub.file_requests()) == 3 and {status(server, job)["status"] for job in jobs} == {"downloading"}
    for job in jobs:
        finish(server, job)
    assert len(keys(server)) == 5
    listed = server.get("/api/v1/models/download/status").json()["jobs"]
    assert [entry["job_id"] for entry in listed] == jobs[::-1]


def test_stalled_transfer_connects_anew(hub, start):
    data = tiny(400_000)
    repository = hub.add("o/stall-GGUF", {"stall.gguf": data})
    repository.bytes_per_second = 65536 / 30
    server = start(ATELIER_DOWNLOADS_STALL_SECONDS="1")
    job = request(server, f"{hub.url}/o/stall-GGUF").json()["job_id"]
    wait_until(lambda: len(hub.file_requests()) >= 1, 10)
    repository.bytes_per_second = None
    finish(server, job, seconds=30)
    assert len(hub.file_requests()) == 2
    assert (server.home / "models/o/stall-GGUF/stall.gguf").read_bytes() == data
