"""Downloads against a hub that misbehaves. Most files are made by `tiny`: small, but with a true header, because a
finished file is refused without one."""
import hashlib
import json
import re
import signal
import struct
import time

import httpx
import pytest

from atelier_server import KEY, MODEL, wait_until
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
    repositories = [hub.add(f"o/m{n}-GGUF", {f"m{n}.gguf": tiny(1_000_000, n)}) for n in range(5)]
    # A piece every two seconds: none of the files ends before it may.
    for repository in repositories:
        repository.bytes_per_second = 65536 / 2
    server = start()
    jobs = [request(server, f"{hub.url}/o/m{n}-GGUF").json()["job_id"] for n in range(5)]
    wait_until(lambda: len(hub.file_requests()) == 3)
    time.sleep(0.3)
    assert len(hub.file_requests()) == 3 and {status(server, job)["status"] for job in jobs} == {"downloading"}
    for repository in repositories:
        repository.bytes_per_second = None
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
    wait_until(lambda: hub.sent > 0, 10)
    repository.bytes_per_second = None
    finish(server, job, seconds=30)
    assert len(hub.file_requests()) >= 2
    assert (server.home / "models/o/stall-GGUF/stall.gguf").read_bytes() == data


# Steering


def steer(server, job: str, verb: str):
    return server.post(f"/atelier/downloads/{job}/{verb}", {})


def test_pause_and_resume(hub, start):
    data = tiny(6_000_000)
    repository = hub.add("o/p-GGUF", {"p.Q4_K_M.gguf": data})
    repository.bytes_per_second = 4e6
    server = start()
    job = request(server, f"{hub.url}/o/p-GGUF").json()["job_id"]
    wait_until(lambda: status(server, job)["downloaded_bytes"] > 1_000_000, 20)
    paused = steer(server, job, "pause").json()
    assert paused["status"] == "paused" and paused["downloaded_bytes"] > 1_000_000 and "bytes_per_second" not in paused
    assert paused["model"] == "o/p-GGUF" and paused["quantization"] == "Q4_K_M"
    sent, at = hub.sent, paused["downloaded_bytes"]
    time.sleep(0.3)
    # What the hub had on its way when the connection ended, and no more.
    assert hub.sent - sent <= 4 * 65536
    assert status(server, job)["downloaded_bytes"] == at == steer(server, job, "pause").json()["downloaded_bytes"]
    assert files(server) == ["o/p-GGUF/p.Q4_K_M.gguf.part"]
    repository.bytes_per_second = None
    assert steer(server, job, "resume").json()["status"] == "downloading"
    finish(server, job)
    assert hub.sent < 1.2 * len(data)
    assert (server.home / "models/o/p-GGUF/p.Q4_K_M.gguf").read_bytes() == data
    entry = server.get(f"/atelier/downloads/{job}").json()
    assert entry["model_key"] == "p" and entry["status"] == "completed"
    assert server.get("/atelier/downloads").json() == {"jobs": [entry]}


def test_cancel_removes_the_part(hub, start):
    hub.add("o/c-GGUF", {"c.gguf": tiny(4_000_000)}).bytes_per_second = 1e6
    server = start()
    job = request(server, f"{hub.url}/o/c-GGUF").json()["job_id"]
    wait_until(lambda: files(server) == ["o/c-GGUF/c.gguf.part"], 20)
    assert steer(server, job, "cancel").json() == {"job_id": job, "status": "cancelled"}
    assert files(server) == [] and not (server.home / "models/o").exists()
    assert server.get(f"/api/v1/models/download/status/{job}").status_code == 404
    assert steer(server, job, "resume").status_code == 404
    server.restart()
    assert server.get("/atelier/downloads").json() == {"jobs": []}


def test_a_killed_server_knows_what_it_has(hub, start):
    hub.add("o/k-GGUF", {"k.gguf": tiny(4_000_000)}).bytes_per_second = 2e6
    server = start()
    job = request(server, f"{hub.url}/o/k-GGUF").json()["job_id"]
    wait_until(lambda: status(server, job)["downloaded_bytes"] > 1_000_000, 20)
    server.restart(signal.SIGKILL)
    size = (server.home / "models/o/k-GGUF/k.gguf.part").stat().st_size
    now = status(server, job)
    assert now["status"] == "paused" and now["downloaded_bytes"] == size > 1_000_000
    hub.repositories["o/k-GGUF"].bytes_per_second = None
    steer(server, job, "resume")
    finish(server, job)


def test_split_files_and_projector_come_together(hub, start):
    parts = {f"v-Q4_K_M-0000{n}-of-00003.gguf": tiny(60_000, n) for n in (1, 2, 3)}
    hub.add("o/v-GGUF", parts | {"mmproj-v-F16.gguf": tiny(30_000, 9, "clip"), "v-Q8_0.gguf": tiny(90_000)})
    server = start()
    job = request(server, "o/v-GGUF").json()
    assert job["total_size_bytes"] == sum(map(len, parts.values())) + len(tiny(30_000, 9, "clip"))
    finish(server, job["job_id"])
    assert files(server) == ["o/v-GGUF/mmproj-v-F16.gguf"] + [f"o/v-GGUF/{name}" for name in sorted(parts)]
    [model] = server.get("/api/v1/models").json()["models"]
    assert model["capabilities"]["vision"] is True and model["size_bytes"] == job["total_size_bytes"]
    # The projector is there already, so another quantization fetches itself only.
    before = hub.sent
    finish(server, request(server, "o/v-GGUF@q8_0").json()["job_id"])
    assert hub.sent - before == len(tiny(90_000))


def test_delete(hub, start):
    hub.add("o/d-GGUF", {"d.Q4_0.gguf": tiny(40_000), "d.Q8_0.gguf": tiny(80_000)})
    server = start()
    for quantization in ("Q4_0", "Q8_0"):
        finish(server, request(server, f"{hub.url}/o/d-GGUF", quantization=quantization).json()["job_id"])
    own = server.add_model("me/mine/mine.gguf", tiny())
    delete = lambda path: httpx.delete(f"{server.url}/atelier/models/{path}", timeout=30)
    assert delete("d%40q8_0").json() == {"model": "d", "variants": ["d@q8_0"], "deleted": True,
                                         "freed_bytes": len(tiny(80_000)), "unloaded": []}
    assert files(server) == ["me/mine/mine.gguf", "o/d-GGUF/d.Q4_0.gguf"]
    assert delete("o/d-GGUF").json()["variants"] == ["d@q4_0"]
    assert files(server) == ["me/mine/mine.gguf"] and keys(server) == ["mine"]
    refused(delete("d"), 404, "model_not_found")
    refused(delete("..%2F..%2Fetc"), 404, "model_not_found")
    # Through a link nothing outside the folder is reached.
    outside = server.home / "outside"
    (outside / "far").mkdir(parents=True)
    (outside / "far/away.gguf").write_bytes(tiny())
    (server.home / "models/out").symlink_to(outside)
    wait_until(lambda: "away" in keys(server), 10)
    refused(delete("away"), 400, "invalid_value", "model")
    assert (outside / "far/away.gguf").exists() and own.exists()


def test_loaded_model_is_deleted_by_force_only(start):
    server = start()
    path = server.add_model("HuggingFaceTB/SmolLM2-135M-Instruct-GGUF/SmolLM2-135M-Instruct.Q4_1.gguf", MODEL)
    assert server.post("/api/v1/models/load", {"model": KEY}).status_code == 200
    error = refused(httpx.delete(f"{server.url}/atelier/models/{KEY}", timeout=30), 409, "model_in_use")
    assert error["type"] == "invalid_request" and path.exists()
    answer = httpx.delete(f"{server.url}/atelier/models/{KEY}?force=true", timeout=60).json()
    assert answer["unloaded"] == [KEY] and not path.exists() and server.workers() == []


# Searching


def test_catalog_and_hub_are_searched(hub, start):
    hub.add("me/qwen3-4b-mine-GGUF", {"q.gguf": tiny()})
    server = start()
    answer = server.get("/atelier/catalog?query=qwen3-4b&limit=5").json()
    assert answer["models"][0] == {
        "id": "qwen/qwen3-4b", "repository": "lmstudio-community/Qwen3-4B-GGUF", "source": "catalog", "kind": "llm",
        "recommended": "Q4_K_M", "approximate_size_bytes": 2_500_000_000}
    assert answer["models"][-1] == {"id": "me/qwen3-4b-mine-GGUF", "repository": "me/qwen3-4b-mine-GGUF", "source": "hub",
                                    "downloads": 7, "likes": 1}
    [query] = [path for method, path, _ in hub.requests if path.startswith("/api/models?")]
    assert "search=qwen3-4b" in query and "filter=gguf" in query
    assert all(model["source"] == "catalog" for model in server.get("/atelier/catalog?query=qwen3-4b&hub=false").json()["models"])


def test_own_catalog_and_choices(hub, start):
    hub.add("me/tiny-GGUF", {"t.Q4_0.gguf": tiny(40_000), "t.Q8_0.gguf": tiny(80_000), "mmproj-t.gguf": tiny(9_000, 3, "clip")})
    server = start()
    (server.home / "catalog.json").write_text(json.dumps(
        {"models": [{"id": "me/tiny", "repository": "me/tiny-GGUF", "recommended": "q8_0"}, {"id": "no"}]}))
    server.restart()
    assert "catalog.json: models.1" in server.log
    choices = server.get("/atelier/catalog/me%2Ftiny").json()
    assert choices["repository"] == "me/tiny-GGUF"
    assert [(entry["quantization"], entry["recommended"], entry["downloaded"]) for entry in choices["choices"]] == [
        ("Q4_0", False, False), ("Q8_0", True, False)]
    assert choices["choices"][0]["size_bytes"] == len(tiny(40_000)) + len(tiny(9_000, 3, "clip"))
    finish(server, request(server, "me/tiny").json()["job_id"])
    assert "me/tiny-GGUF/t.Q8_0.gguf" in files(server)
    assert [entry["downloaded"] for entry in server.get("/atelier/catalog/me/tiny").json()["choices"]] == [False, True]
    refused(server.get("/atelier/catalog/me/nothing"), 404, "model_not_found")


# Proxies


def test_the_proxy_of_the_environment_is_used(hub, fresh):
    data = tiny()
    hub.add("o/x-GGUF", {"x.gguf": data})
    proxied = {"HF_ENDPOINT": "http://hub.test", "HTTP_PROXY": hub.url, "HF_TOKEN": "hf_secret"}
    server = fresh(model=False, environment=proxied).start()
    finish(server, request(server, "http://hub.test/o/x-GGUF").json()["job_id"])
    assert (server.home / "models/o/x-GGUF/x.gguf").read_bytes() == data
    assert {path for method, path, _ in hub.requests if method == "CONNECT"} == {"hub.test:80"}
    for method, _, headers in hub.requests:
        assert headers["host"].split(":")[0] == "hub.test"
        # The proxy is a stranger; only what goes through it to the hub carries the token.
        assert headers.get("authorization") == (None if method == "CONNECT" else "Bearer hf_secret")
    excepted = fresh(model=False, environment=proxied | {"NO_PROXY": ".test"}).start()
    before = len(hub.requests)
    refused(request(excepted, "http://hub.test/o/x-GGUF"), 502, "hub_unreachable")
    assert len(hub.requests) == before
