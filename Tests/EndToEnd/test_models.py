import concurrent.futures

from atelier_server import KEY, MODEL, wait_until


def loaded(server) -> list[dict]:
    return [instance for model in server.get("/api/v1/models").json()["models"] for instance in model["loaded_instances"]]


def test_list_entry(server):
    answer = server.get("/api/v1/models")
    assert answer.status_code == 200 and set(answer.json()) == {"models"}
    entry = answer.json()["models"][0]
    assert entry["type"] == "llm" and entry["key"] == KEY and entry["publisher"] == "HuggingFaceTB"
    assert entry["architecture"] == "llama" and entry["quantization"] == {"name": "Q4_1", "bits_per_weight": 4}
    assert entry["params_string"] == "135M" and entry["max_context_length"] == 8192 and entry["format"] == "gguf"
    assert entry["capabilities"]["vision"] is False and "reasoning" not in entry["capabilities"]
    assert entry["description"] is None and entry["loaded_instances"] == [] and entry["size_bytes"] > 90_000_000


def test_load_echo_second_instance_unload(fresh):
    server = fresh().start()
    answer = server.post("/api/v1/models/load", {"model": KEY, "context_length": 2048, "echo_load_config": True})
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert list(body)[:4] == ["type", "instance_id", "load_time_seconds", "status"] and body["status"] == "loaded"
    assert body["instance_id"] == KEY and body["load_time_seconds"] > 0
    assert body["load_config"] == {
        "context_length": 2048, "eval_batch_size": 512, "flash_attention": True, "offload_kv_cache_to_gpu": True, "parallel": 4}
    second = server.post("/api/v1/models/load", {"model": KEY, "parallel": 2, "context_length": 1024}).json()
    assert second["instance_id"] == f"{KEY}:2" and "load_config" not in second
    assert [(i["id"], i["config"]["context_length"], i["config"]["parallel"]) for i in loaded(server)] == [(KEY, 2048, 4), (f"{KEY}:2", 1024, 2)]
    named = server.post("/api/v1/models/load", {"model": KEY, "identifier": "mine", "context_length": 512}).json()
    assert named["instance_id"] == "mine"
    taken = server.post("/api/v1/models/load", {"model": KEY, "identifier": "mine"})
    assert taken.status_code == 400 and taken.json()["error"]["code"] == "identifier_in_use"
    assert server.post("/api/v1/chat", {"model": f"{KEY}:2", "input": "Hi", "max_output_tokens": 2}).json()["model_instance_id"] == f"{KEY}:2"
    assert len(server.workers()) == 3

    assert server.post("/api/v1/models/unload", {"instance_id": f"{KEY}:2"}).json() == {"instance_id": f"{KEY}:2"}
    assert [i["id"] for i in loaded(server)] == [KEY, "mine"]
    assert len(server.workers()) == 2
    wrong = server.post("/api/v1/models/unload", {"model": KEY})
    assert wrong.status_code == 400
    unknown = server.post("/api/v1/models/unload", {"instance_id": "nothing"})
    assert unknown.status_code == 404 and unknown.json()["error"]["type"] == "model_not_found"


def test_load_refuses_what_it_cannot_do(server):
    for body, status, code in [
        ({}, 400, "missing_required_parameter"),
        ({"model": KEY, "stream": True}, 400, "unrecognized_keys"),
        ({"model": KEY, "context_length": 0}, 400, "invalid_value"),
        ({"model": KEY, "context_length": 8193}, 400, "invalid_value"),
        ({"model": KEY, "context_length": "big"}, 400, "invalid_type"),
    ]:
        answer = server.post("/api/v1/models/load", body)
        assert (answer.status_code, answer.json()["error"]["code"]) == (status, code), answer.text
    missing = server.post("/api/v1/models/load", {"model": "nobody"})
    assert missing.status_code == 404 and missing.json()["error"]["type"] == "model_not_found"


def test_simultaneous_first_requests_load_once(fresh):
    server = fresh().start()
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda n: server.chat(input=f"Count to {n}.", max_output_tokens=4), range(4)))
    assert {answer["model_instance_id"] for answer in answers} == {KEY}
    assert len(loaded(server)) == 1 and len(server.workers()) == 1


def test_context_length_of_a_request_gets_an_instance_of_its_own(fresh):
    server = fresh().start()
    server.post("/api/v1/models/load", {"model": KEY, "context_length": 512})
    small = server.chat(input="Hi", max_output_tokens=2, context_length=256)
    assert small["model_instance_id"] == KEY
    large = server.chat(input="Hi", max_output_tokens=2, context_length=1024)
    assert large["model_instance_id"] == f"{KEY}:2"
    too_large = server.post("/api/v1/chat", {"model": KEY, "input": "Hi", "context_length": 100_000})
    assert too_large.status_code == 400 and too_large.json()["error"]["param"] == "context_length"


def test_files_of_all_kinds(fresh):
    server = fresh()
    head = MODEL.read_bytes()[:4_000_000]
    server.add_model("Other/Broken-GGUF/Broken.Q4_0.gguf", b"GGUF" + bytes(100))
    server.add_model("Other/Cut-GGUF/Cut.Q4_1.gguf", head)
    server.add_model("Other/Half-GGUF/Half.Q4_1-00001-of-00002.gguf", head)
    server.add_model("Other/Down-GGUF/Down.Q4_1.gguf.part", head)
    server.start()
    keys = [model["key"] for model in server.get("/api/v1/models").json()["models"]]
    assert KEY in keys and not any(name in key for key in keys for name in ("broken", "half", "down"))
    if any("cut" in key for key in keys):
        answer = server.post("/api/v1/models/load", {"model": "cut"})
        assert answer.status_code == 500 and answer.json()["error"]["code"] == "model_load_failed"
        assert str(server.home) not in answer.text
        stream = server.native_events(model="cut", input="Hi")
        assert [event["type"] for event in stream][-2:] == ["error", "chat.end"]
        assert stream[-2]["error"]["code"] == "model_load_failed" and stream[-1]["result"]["output"] == []
    assert server.chat(input="Hi", max_output_tokens=2)["output"]


def test_jit_off_lists_and_serves_loaded_models_only(fresh):
    server = fresh("--no-jit").start()
    assert server.get("/v1/models").json()["data"] == []
    assert len(server.get("/api/v1/models").json()["models"]) == 1
    refused = server.post("/api/v1/chat", {"model": KEY, "input": "Hi"})
    assert refused.status_code == 404 and refused.json()["error"]["code"] == "model_not_loaded"
    server.post("/api/v1/models/load", {"model": KEY, "context_length": 512})
    assert [model["id"] for model in server.get("/v1/models").json()["data"]] == [KEY]
    server.chat(input="Hi", max_output_tokens=2)


def test_idle_instances_loaded_just_in_time_go_after_their_ttl(fresh):
    server = fresh().start()
    server.chat(input="Hi", max_output_tokens=2, ttl=1)
    assert len(loaded(server)) == 1
    wait_until(lambda: not loaded(server), 10, "the idle unload")
    wait_until(lambda: not server.workers(), 20, "the worker's end")
