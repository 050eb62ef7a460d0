"""A worker process that dies costs its own requests only."""
import json
import os
import signal
import threading

import openai
import pytest

from atelier_server import KEY, wait_until

LONG = {"input": "Write a very long story about the sea.", "max_output_tokens": 2000, "temperature": 0.9, "seed": 1}


def test_killed_worker_ends_the_native_stream_and_the_next_request_loads_again(server):
    server.chat(input="Hi", max_output_tokens=2)
    [worker] = server.workers()
    events, alive = [], True
    for name, data in server.stream(**LONG):
        events.append(json.loads(data))
        if alive and len([event for event in events if event["type"] == "message.delta"]) == 5:
            os.kill(worker, signal.SIGKILL)
            alive = False
    kinds = [event["type"] for event in events]
    assert kinds[-3:] == ["message.end", "error", "chat.end"]
    error, result = events[-2]["error"], events[-1]["result"]
    assert error["type"] == "internal_error" and error["message"]
    assert "response_id" not in result
    assert result["output"][0]["content"].startswith("".join(e["content"] for e in events if e["type"] == "message.delta"))

    assert server.chat(input="Hi", max_output_tokens=2)["stats"]["model_load_time_seconds"] > 0
    assert server.workers() != [worker] and len(server.workers()) == 1


def test_killed_worker_ends_the_openai_stream_with_an_error_frame(server):
    client = openai.OpenAI(base_url=f"{server.url}/v1", api_key="anything", max_retries=0)
    server.chat(input="Hi", max_output_tokens=2)
    [worker] = server.workers()
    with pytest.raises(openai.APIError):
        for count, chunk in enumerate(client.chat.completions.create(
                model=KEY, messages=[{"role": "user", "content": LONG["input"]}], max_tokens=2000, stream=True)):
            if count == 5:
                os.kill(worker, signal.SIGKILL)


def test_killed_worker_fails_a_plain_request_with_500(server):
    server.chat(input="Hi", max_output_tokens=2)
    [worker] = server.workers()
    answers = []
    request = threading.Thread(target=lambda: answers.append(server.post("/api/v1/chat", {"model": KEY} | LONG)))
    request.start()
    wait_until(server.busy, what="the request's start")
    os.kill(worker, signal.SIGKILL)
    request.join(30)
    assert answers[0].status_code == 500 and answers[0].json()["error"]["type"] == "internal_error"


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
