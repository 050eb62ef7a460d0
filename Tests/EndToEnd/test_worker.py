"""A worker process that dies costs its own requests only."""
import errno
import json
import os
import signal
import subprocess
import threading
import time

import openai
import pytest

from atelier_server import BINARIES, KEY, wait_until

LONG = {"input": "Write a very long story about the sea.", "max_output_tokens": 2000, "temperature": 0.9, "seed": 1}


def dying(server, events, is_delta):
    """The events of a stream whose engine is killed again and again: each time it has gone on by some words."""
    deltas, killed = 0, []
    for event in events:
        yield event
        deltas += is_delta(event)
        # What had been sent before the death is still on its way afterwards.
        if deltas > 5 + 60 * len(killed):
            killed += server.kill_engines(besides=killed)


def test_the_third_death_ends_the_native_stream_and_the_model_is_refused(fresh):
    server = fresh().start()
    events = list(dying(server, (json.loads(data) for name, data in server.stream(**LONG)), lambda event: event["type"] == "message.delta"))
    kinds = [event["type"] for event in events]
    assert kinds[-3:] == ["message.end", "error", "chat.end"]
    error, result = events[-2]["error"], events[-1]["result"]
    assert error["type"] == "internal_error" and error["message"]
    assert "response_id" not in result
    assert result["output"][0]["content"].startswith("".join(e["content"] for e in events if e["type"] == "message.delta"))
    assert [kind for kind in kinds if kind.startswith("prompt_processing.")].count("prompt_processing.end") == 1

    # Three deaths within a minute: this model is refused for a minute, everything else goes on.
    refusal = server.post("/api/v1/chat", {"model": KEY, "input": "Hi"})
    assert refusal.status_code == 503 and refusal.json()["error"]["code"] == "server_busy"
    assert 1 <= int(refusal.headers["retry-after"]) <= 60
    assert server.get("/api/v1/models").status_code == 200 and not server.workers()


def test_the_third_death_ends_the_openai_stream_with_an_error_frame(fresh):
    server = fresh().start()
    client = openai.OpenAI(base_url=f"{server.url}/v1", api_key="anything", max_retries=0)
    with pytest.raises(openai.APIError) as caught:
        stream = client.chat.completions.create(
            model=KEY, messages=[{"role": "user", "content": LONG["input"]}], max_tokens=2000, seed=1, stream=True)
        for _ in dying(server, stream, lambda chunk: bool(chunk.choices and chunk.choices[0].delta.content)):
            pass
    assert caught.value.code == "engine_error"


def test_an_engine_that_dies_at_the_same_place_twice_fails_a_plain_request_with_500(fresh):
    server = fresh().start()
    answers, killed = [], []
    request = threading.Thread(target=lambda: answers.append(server.post("/api/v1/chat", {"model": KEY} | LONG)))
    request.start()
    deadline = time.monotonic() + 60
    while request.is_alive() and time.monotonic() < deadline:
        killed += server.kill_engines(besides=killed) if server.busy() else []
        request.join(0.02)
    assert answers[0].status_code == 500 and answers[0].json()["error"]["type"] == "internal_error"
    assert len(killed) <= 3


def test_the_brake_can_be_set(fresh):
    server = fresh(environment={"ATELIER_ENGINE_MAX_DEATHS": "1"}).start()
    server.chat(input="Hi", max_output_tokens=2)
    server.kill_engines()
    wait_until(lambda: not server.instances(), what="the death to be noticed")
    assert server.post("/api/v1/chat", {"model": KEY, "input": "Hi"}).status_code == 503


def test_other_instances_do_not_notice(fresh):
    server = fresh().start()
    server.post("/api/v1/models/load", {"model": KEY, "context_length": 512, "identifier": "a"})
    [first] = server.workers()
    server.post("/api/v1/models/load", {"model": KEY, "context_length": 512, "identifier": "b"})
    body = {"model": "b", "input": "Name a colour.", "temperature": 0, "max_output_tokens": 60, "store": False}
    expected = server.chat(**body)["output"]
    texts = []
    for name, data in server.stream(**body):
        event = json.loads(data)
        if event["type"] == "message.delta":
            if not texts:
                os.kill(first, signal.SIGKILL)
            texts.append(event["content"])
    assert "".join(texts) == expected[0]["content"]
    wait_until(lambda: [i["id"] for m in server.get("/api/v1/models").json()["models"] for i in m["loaded_instances"]] == ["b"],
               what="the dead instance's disappearance")


def test_workers_die_with_a_killed_server(fresh):
    server = fresh().start()
    server.chat(input="Hi", max_output_tokens=2)
    [worker] = server.workers()
    server.stop(signal.SIGKILL)
    wait_until(lambda: not os.path.exists(f"/proc/{worker}/stat") or open(f"/proc/{worker}/stat").read().rsplit(")", 1)[1].split()[0] == "Z",
               what="the worker's end")


def test_worker_has_a_clean_environment_and_no_foreign_descriptors(fresh):
    server = fresh(environment={"PLANTED_SECRET": "hunter2"}).start()
    server.chat(input="Hi", max_output_tokens=2)
    [worker] = server.workers()
    environment = open(f"/proc/{worker}/environ", "rb").read().split(b"\0")
    assert not any(b"PLANTED_SECRET" in entry for entry in environment)
    assert b"GOMP_SPINCOUNT=10000" in environment
    # Output goes to the server's log, 3 is the socket; the rest is what the Swift runtime's dispatch opens for itself.
    open_files = {int(number): os.readlink(f"/proc/{worker}/fd/{number}") for number in os.listdir(f"/proc/{worker}/fd")}
    assert open_files.pop(0) == "/dev/null" and open_files.pop(1) == open_files.pop(2)
    assert open_files.pop(3).startswith("socket:")
    assert all(target.startswith("anon_inode:") for target in open_files.values()), open_files


def status(process: int) -> dict:
    return dict(line.split(":\t", 1) for line in open(f"/proc/{process}/status").read().splitlines() if ":\t" in line)


def limits(process: int) -> dict:
    lines = open(f"/proc/{process}/limits").read().splitlines()[1:]
    return {line[:26].strip(): line[26:].split()[:2] for line in lines}


def test_a_worker_is_confined_as_seen_from_outside(fresh):
    server = fresh().start()
    server.chat(input="Hi", max_output_tokens=2)
    [worker] = server.workers()
    seen = status(worker)
    assert seen["NoNewPrivs"] == "1" and seen["Seccomp"] == "2" and seen["Seccomp_filters"] == "1"
    for thread in os.listdir(f"/proc/{worker}/task"):
        assert status(f"{worker}/task/{thread}")["Seccomp"] == "2"
    held = limits(worker)
    assert held["Max core file size"] == ["0", "0"] and held["Max open files"] == ["256", "256"]
    soft, hard = held["Max address space"]
    assert soft == hard and 8 << 30 < int(soft) < 16 << 30
    assert "could not" not in server.log and "there is no" not in server.log


@pytest.mark.parametrize("flags", [[], ["--scratch"]])
def test_a_worker_is_confined_as_seen_from_inside(tmp_path, flags):
    (tmp_path / "scratch").mkdir()
    (tmp_path / "file").write_text("kept")
    answer = subprocess.run([BINARIES / "atelier-worker", "--check-isolation", tmp_path, *flags], capture_output=True, text=True, timeout=20)
    assert answer.returncode == 0, answer.stderr
    tried = json.loads(answer.stdout)
    assert {name: tried.pop(name) for name in ("thread", "read")} == {"thread": 0, "read": 0}
    assert tried.pop("memory") == errno.ENOMEM
    # Landlock refuses with EACCES, the filter with EPERM.
    scratch = tried.pop("write_scratch")
    assert scratch == 0 if flags else scratch in (errno.EPERM, errno.EACCES)
    # Only the filter knows modes, and where something is writable it lets changes of files pass.
    mode = tried.pop("mode")
    assert flags or mode == errno.EPERM
    assert {tried.pop("write"), tried.pop("remove")} <= {errno.EPERM, errno.EACCES}
    assert set(tried.values()) == {errno.EPERM}, tried
    assert (tmp_path / "file").read_text() == "kept"


def test_a_worker_started_by_hand_has_no_use():
    answer = subprocess.run([BINARIES / "atelier-worker"], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20)
    assert answer.returncode == 2 and "started by atelier" in answer.stderr


def test_even_a_stopped_worker_dies_with_a_killed_server(fresh):
    server = fresh().start()
    server.chat(input="Hi", max_output_tokens=2)
    [worker] = server.kill_engines(signal.SIGSTOP)
    server.stop(signal.SIGKILL)
    wait_until(lambda: not os.path.exists(f"/proc/{worker}/stat") or open(f"/proc/{worker}/stat").read().rsplit(")", 1)[1].split()[0] == "Z",
               what="the worker's end")
