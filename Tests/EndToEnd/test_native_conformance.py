"""The native API's conformance checklist, line by line (the number is in each test's name): on SmolLM2, on an embedding
model, and on tiny models that say exact texts. Lines on downloads, tokens, tool servers and the command line have files of
their own."""
import json
import re
import signal
import sqlite3
import threading
import time

import httpx
import pytest

import native_grammar
from atelier_server import KEY, Server, wait_until

EMBEDDING = "text-embedding-all-minilm-l6-v2"
STATS = {"input_tokens", "total_output_tokens", "reasoning_output_tokens", "tokens_per_second", "time_to_first_token_seconds"}
# Half a minute of answer at a thousand tokens a second.
ENDLESS = {"model": "endless", "input": "Tell me about @sea please", "temperature": 0, "context_length": 60000}


@pytest.fixture(scope="module")
def server(models_zoo, minilm):
    """Everything on disk; models that requests load stay loaded, so that tests do not wait for loads again and again."""
    instance = Server("--set", "jit.keep_last_only=false").add_models(models_zoo)
    instance.add_model("sentence-transformers/all-MiniLM-L6-v2-GGUF/all-MiniLM-L6-v2.F16.gguf", minilm)
    try:
        yield instance.start()
    finally:
        instance.remove()


def error_of(answer: httpx.Response, status: int) -> dict:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert set(answer.json()) == {"error"} and None not in answer.json()["error"].values()
    return answer.json()["error"]


def texts(answer: dict) -> list[tuple[str, str]]:
    return [(item["type"], item["content"]) for item in answer["output"]]


# 1 to 3: the request

@pytest.mark.parametrize("kind", ["text", "message"])
def test_01_text_items_and_their_alias(server, kind):
    answer = server.chat(model="talker", input=[{"type": kind, "content": "Be @short now please"}])
    assert texts(answer) == [("message", "Short.")]


@pytest.mark.parametrize("item", [
    {"type": "text", "text": "Hi"}, {"type": "text"}, {"type": "text", "content": "Hi", "role": "user"}, {"content": "Hi"},
    {"type": "audio", "content": "Hi"}, "Hi", {"type": "text", "content": 5}])
@pytest.mark.parametrize("stream", [False, True])
def test_01_other_items_are_refused(server, item, stream):
    error = error_of(server.post("/api/v1/chat", {"model": "talker", "input": [item], "stream": stream}), 400)
    assert error["type"] == "invalid_request" and error["code"] in ("invalid_union", "unrecognized_keys") and error["param"] == "input"


@pytest.mark.parametrize("key", ["messages", "max_tokens", "tools", "stop", "draft_model", "role"])
def test_02_unknown_keys(server, key):
    error = error_of(server.post("/api/v1/chat", {"model": "talker", "input": "Hi", key: []}), 400)
    assert error["code"] == "unrecognized_keys" and error["param"] == key
    assert error["message"] == f"Unrecognized key(s) in object: '{key}'"


def test_02_unknown_keys_of_an_integration(server):
    integration = {"type": "plugin", "id": "mcp/files", "timeout": 5}
    error = error_of(server.post("/api/v1/chat", {"model": "talker", "input": "Hi", "integrations": ["mcp/x", integration]}), 400)
    assert error["code"] == "unrecognized_keys" and error["param"] == "integrations.1"


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("missing", ["model", "input"])
def test_03_missing_parameters(server, missing, stream):
    body = {"model": "talker", "input": "Hi", "stream": stream}
    del body[missing]
    error = error_of(server.post("/api/v1/chat", body), 400)
    assert error["code"] == "missing_required_parameter" and error["param"] == missing
    assert error["message"] == f"'{missing}' is required"


def test_03_null_is_absent_and_problems_are_joined(server):
    body = {"model": "talker", "input": "Hi", "system_prompt": None, "temperature": None, "reasoning": None, "ttl": None,
            "previous_response_id": None, "integrations": None}
    assert server.post("/api/v1/chat", body).status_code == 200
    error = error_of(server.post("/api/v1/chat", body | {"top_p": 3, "seed": "x"}), 400)
    assert error["param"] == "top_p" and "'top_p'" in error["message"] and "'seed'" in error["message"]


# 4: reasoning

@pytest.mark.parametrize("setting", ["off", "on", "low", "xhigh"])
@pytest.mark.parametrize("stream", [False, True])
def test_04_a_model_without_reasoning(server, setting, stream):
    error = error_of(server.post("/api/v1/chat", {"model": "talker", "input": "Hi", "reasoning": setting, "stream": stream}), 400)
    assert "does not expose reasoning configuration" in error["message"]
    assert (error["type"], error["code"], error["param"]) == ("invalid_request", "invalid_value", "reasoning")


@pytest.mark.parametrize("model, setting, supported", [
    ("thinker", "high", ["off", "on"]), ("effort", "off", ["low", "medium", "high"]), ("effort", "xhigh", ["low", "medium", "high"]),
    ("always", "off", ["on"])])
def test_04_a_setting_the_model_does_not_have(server, model, setting, supported):
    error = error_of(server.post("/api/v1/chat", {"model": model, "input": "Hi", "reasoning": setting}), 400)
    assert (error["code"], error["param"]) == ("invalid_value", "reasoning")
    assert "not supported" in error["message"] and all(f"'{word}'" in error["message"] for word in supported)


def test_04_capabilities_follow_the_template(server):
    models = {model["key"]: model for model in server.get("/api/v1/models").json()["models"]}
    assert models["thinker"]["capabilities"]["reasoning"] == {"allowed_options": ["off", "on"], "default": "on"}
    assert models["effort"]["capabilities"]["reasoning"] == {"allowed_options": ["low", "medium", "high"], "default": "medium"}
    assert models["always"]["capabilities"]["reasoning"] == {"allowed_options": ["on"], "default": "on"}
    assert "reasoning" not in models["talker"]["capabilities"] and "reasoning" not in models[KEY]["capabilities"]


@pytest.mark.parametrize("model, setting", [("thinker", None), ("thinker", "on"), ("always", None), ("always", "on")])
def test_04_reasoning_is_an_item_and_counted_by_token(server, model, setting):
    body = {"model": model, "input": "Please @think about it for a while, will you", "temperature": 0, "reasoning": setting, "store": False}
    answer = server.chat(**body)
    assert texts(answer) == [("reasoning", "First second third"), ("message", "Answer number one.")]
    # Three words and the tags around them that the model wrote, then the answer's three.
    assert answer["stats"]["reasoning_output_tokens"] == (5 if model == "thinker" else 4)
    assert answer["stats"]["total_output_tokens"] == answer["stats"]["reasoning_output_tokens"] + 3
    streamed = native_grammar.check(server.native_events(**body))
    assert streamed["output"] == answer["output"]
    for key in ("input_tokens", "total_output_tokens", "reasoning_output_tokens"):
        assert streamed["stats"][key] == answer["stats"][key]


def test_04_off_yields_no_reasoning(server):
    answer = server.chat(model="thinker", input="Please @think about it for a while, will you", temperature=0, reasoning="off")
    assert texts(answer) == [("message", "No thought.")] and answer["stats"]["reasoning_output_tokens"] == 0


def test_04_effort_reaches_the_template(server):
    for setting, word in ((None, "none"), ("low", "low"), ("medium", "medium"), ("high", "high")):
        assert texts(server.chat(model="effort", input="Hi", temperature=0, reasoning=setting)) == [("message", f"With {word} effort.")]


# 5 and 6: streams

def test_05_a_cold_stream(fresh, models_zoo):
    server = fresh(model=False).add_models(models_zoo, "thinker").start()
    body = {"model": "thinker", "input": "Please @think about it for a while, will you", "temperature": 0, "stream": True}
    with httpx.stream("POST", f"{server.url}/api/v1/chat", json=body, timeout=60) as answer:
        raw = answer.read().decode()
        assert answer.headers["content-type"] == "text/event-stream" and answer.headers["cache-control"] == "no-cache"
    assert "[DONE]" not in raw and "\nid:" not in raw and "\nretry:" not in raw
    frames = [frame.split("\n") for frame in raw.split("\n\n") if frame and not frame.startswith(":")]
    assert all(len(frame) == 2 and frame[0].startswith("event: ") and frame[1].startswith("data: ") for frame in frames)
    events = [json.loads(frame[1][6:]) for frame in frames]
    assert [event["type"] for event in events] == [frame[0][7:] for frame in frames]
    result = native_grammar.check(events)
    kinds = [event["type"] for event in events]
    assert [kind for place, kind in enumerate(kinds) if kind != kinds[place - 1]] == [
        "chat.start", "model_load.start", "model_load.progress", "model_load.end", "prompt_processing.start",
        "prompt_processing.progress", "prompt_processing.end", "reasoning.start", "reasoning.delta", "reasoning.end",
        "message.start", "message.delta", "message.end", "chat.end"]
    assert events[0] == {"type": "chat.start", "model_instance_id": "thinker"}
    assert all(event["model_instance_id"] == "thinker" for event in events if event["type"].startswith("model_load"))
    plain = server.chat(**body | {"stream": False})
    assert set(result) == set(plain) == {"model_instance_id", "output", "stats", "response_id"}
    assert result["output"] == plain["output"] and set(result["stats"]) == STATS | {"model_load_time_seconds"}
    loaded = next(event for event in events if event["type"] == "model_load.end")
    assert set(loaded) == {"type", "model_instance_id", "load_time_seconds"}
    assert loaded["load_time_seconds"] == result["stats"]["model_load_time_seconds"] > 0


def test_05_a_load_that_fails(fresh):
    server = fresh(model=False)
    broken = server.add_model("zoo/broken/broken.gguf", gguf_without_weights())
    server.start()
    assert broken.exists()
    events = server.native_events(model="broken", input="Hi")
    result = native_grammar.check(events)
    assert [event["type"] for event in events if event["type"] != "model_load.progress"] == [
        "chat.start", "model_load.start", "error", "chat.end"]
    assert events[-2]["error"]["type"] == "internal_error" and events[-2]["error"]["code"] == "model_load_failed"
    assert result["output"] == [] and "response_id" not in result and str(server.home) not in events[-2]["error"]["message"]
    assert all(result["stats"][key] == 0 for key in STATS)
    error = error_of(server.post("/api/v1/chat", {"model": "broken", "input": "Hi"}), 500)
    assert error["code"] == "model_load_failed" and error["type"] == "internal_error"
    error = error_of(server.post("/api/v1/models/load", {"model": "broken"}), 500)
    assert error["code"] == "model_load_failed"


def test_05_a_template_that_refuses(server):
    error = error_of(server.post("/api/v1/chat", {"model": "refuser", "input": "Hi"}), 500)
    assert (error["type"], error["code"]) == ("internal_error", "template_failed") and "this template refuses" in error["message"]


def test_06_a_warm_model(server):
    server.chat(model="talker", input="Hi")
    events = server.native_events(model="talker", input="Be @short now please", temperature=0)
    result = native_grammar.check(events)
    assert not any(event["type"].startswith("model_load") for event in events)
    assert set(result["stats"]) == STATS and result["stats"]["tokens_per_second"] > 0
    assert 0 < result["stats"]["time_to_first_token_seconds"] < 30


def test_06_only_the_request_that_loads_reports_the_load(fresh, models_zoo):
    server = fresh(model=False).add_models(models_zoo, "talker").start()
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(server.chat(model="talker", input="Hi"))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    reported = [answer["stats"] for answer in answers if "model_load_time_seconds" in answer["stats"]]
    assert len(answers) == 4 and len(reported) == 1
    # The wait for the load is no part of the time to the first token.
    assert reported[0]["time_to_first_token_seconds"] < reported[0]["model_load_time_seconds"] + 1


# 7 to 9: stored chats

def test_07_ids_branches_and_restarts(fresh, models_zoo):
    server = fresh(model=False).add_models(models_zoo, "talker").start()
    first = server.chat(model="talker", input="Be @short now please", temperature=0)
    assert re.fullmatch(r"resp_[0-9a-f]{48}", first["response_id"])
    assert "response_id" not in server.chat(model="talker", input="Hi", store=False)
    follow = {"model": "talker", "previous_response_id": first["response_id"], "temperature": 0}
    left, right = (server.chat(input=text, **follow) for text in ("left", "a longer right"))
    assert len({first["response_id"], left["response_id"], right["response_id"]}) == 3
    assert left["stats"]["input_tokens"] > first["stats"]["input_tokens"]
    assert right["stats"]["input_tokens"] > left["stats"]["input_tokens"]
    again = server.chat(input="left", **follow)
    assert again["stats"]["input_tokens"] == left["stats"]["input_tokens"] and again["response_id"] != left["response_id"]
    server.restart(signal.SIGKILL)
    for answer in (first, left, right):
        deeper = server.chat(model="talker", input="more", previous_response_id=answer["response_id"])
        assert deeper["stats"]["input_tokens"] > answer["stats"]["input_tokens"]


def test_07_a_turn_is_durable_before_its_id_is_out(fresh, models_zoo):
    server = fresh(model=False).add_models(models_zoo, "talker").start()
    server.chat(model="talker", input="Hi", store=False)
    ids = []
    for _ in range(5):
        for name, data in server.stream(model="talker", input="Be @short now please"):
            if name == "chat.end":
                server.process.kill()
                ids.append(json.loads(data)["result"]["response_id"])
                break
        server.process.wait()
        server.start()
    for identity in ids:
        server.chat(model="talker", input="more", previous_response_id=identity, store=False)


def test_07_store_false_leaves_nothing_on_disk(fresh, models_zoo):
    server = fresh(model=False).add_models(models_zoo, "talker").start()
    kept = server.chat(model="talker", input="remember the kumquat")
    server.chat(model="talker", input="forget the rutabaga", system_prompt="never say persimmon", store=False)
    server.chat(model="talker", input="forget the celeriac", store=False, previous_response_id=kept["response_id"])
    server.stop()
    files = [path for path in server.home.rglob("*") if path.is_file() and path.suffix != ".gguf"]
    content = b"".join(path.read_bytes() for path in files)
    assert b"kumquat" in content
    assert not any(word in content for word in (b"rutabaga", b"persimmon", b"celeriac"))
    with sqlite3.connect(server.home / "atelier.sqlite") as database:
        assert database.execute("SELECT count(*) FROM node").fetchone() == (1,)


def test_07_another_model_may_continue(server):
    first = server.chat(model="thinker", input="Please @think about it for a while, will you", temperature=0)
    answer = server.chat(model="talker", input="And now be @short please", temperature=0, previous_response_id=first["response_id"])
    assert texts(answer) == [("message", "Short.")] and answer["model_instance_id"] == "talker"


def test_07_retention(fresh, models_zoo):
    server = fresh(model=False).add_models(models_zoo, "talker").start()
    ids = [server.chat(model="talker", input=f"Hi {number}")["response_id"] for number in range(4)]
    assert len(server.get("/atelier/chats").json()["chats"]) == 4
    server.flags = ("--set", "chats.max_nodes=2")
    server.restart()
    wait_until(lambda: [chat["id"] for chat in server.get("/atelier/chats").json()["chats"]] == ids[:1:-1], what="the two newest chats")


def test_08_a_system_prompt_replaces(server):
    ask = {"model": "counter", "temperature": 0}
    first = server.chat(input="Hi", system_prompt="You are a pirate.", **ask)
    assert texts(first) == [("message", "1 system messages.")]
    second = server.chat(input="Hi", system_prompt="You are a robot.", previous_response_id=first["response_id"], **ask)
    third = server.chat(input="Hi", previous_response_id=second["response_id"], **ask)
    assert texts(second) == texts(third) == [("message", "1 system messages.")]
    assert texts(server.chat(input="Hi", **ask)) == [("message", "0 system messages.")]
    exported = server.get(f"/atelier/chats/{third['response_id']}").json()
    assert [turn["system_prompt"] for turn in exported["turns"]] == ["You are a pirate."] + ["You are a robot."] * 2


@pytest.mark.parametrize("stream", [False, True])
def test_09_unknown_and_malformed_response_ids(server, stream):
    body = {"model": "talker", "input": "Hi", "stream": stream}
    error = error_of(server.post("/api/v1/chat", body | {"previous_response_id": "resp_" + "0" * 48}), 400)
    assert (error["code"], error["param"]) == ("previous_response_not_found", "previous_response_id")
    for wrong in ("abc", "", "resp"):
        error = error_of(server.post("/api/v1/chat", body | {"previous_response_id": wrong}), 400)
        assert (error["code"], error["param"]) == ("invalid_value", "previous_response_id")


def test_chats_are_listed_exported_and_deleted(fresh, models_zoo):
    server = fresh(model=False).add_models(models_zoo, "talker", "thinker").start()
    assert server.get("/atelier/chats").json() == {"chats": []}
    first = server.chat(model="thinker", input="Please @think about it for a while, will you", system_prompt="Be kind.", temperature=0)
    left = server.chat(model="talker", input="left @short please", temperature=0, previous_response_id=first["response_id"])
    right = server.chat(model="talker", input="right @short please", temperature=0, previous_response_id=first["response_id"])
    chats = server.get("/atelier/chats").json()["chats"]
    assert [chat["id"] for chat in chats] == [right["response_id"], left["response_id"]]
    assert all(set(chat) == {"id", "created_at", "updated_at", "model", "turns", "title"} for chat in chats)
    assert chats[0]["turns"] == 2 and chats[0]["model"] == "talker" and chats[0]["title"].startswith("Please @think about it")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", chats[0]["created_at"]) and chats[0]["created_at"] <= chats[0]["updated_at"]
    export = server.get(f"/atelier/chats/{left['response_id']}").json()
    assert export["messages"] == [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "Please @think about it for a while, will you"},
        {"role": "assistant", "content": "Answer number one.", "reasoning": "First second third"},
        {"role": "user", "content": "left @short please"}, {"role": "assistant", "content": "Short."}]
    assert [turn["id"] for turn in export["turns"]] == [first["response_id"], left["response_id"]]
    assert export["turns"][0]["stats"]["input_tokens"] == first["stats"]["input_tokens"] and export["turns"][0]["output"] == first["output"]
    path = f"/atelier/chats/{left['response_id']}"
    assert httpx.delete(server.url + path, timeout=20).json() == {"id": left["response_id"], "deleted": True}
    for answer in (server.get(path), httpx.delete(server.url + path, timeout=20)):
        assert error_of(answer, 404)["code"] == "response_not_found"
    # What the other branch shares is still there.
    assert server.chat(model="talker", input="Hi", previous_response_id=first["response_id"], store=False)["output"]
    assert [chat["id"] for chat in server.get("/atelier/chats").json()["chats"]] == [right["response_id"]]


# 10 to 12: models

def test_10_entries_have_exactly_their_fields(server):
    server.post("/v1/embeddings", {"model": EMBEDDING, "input": "Hi"})
    server.chat(model="talker", input="Hi")
    answer = server.get("/api/v1/models").json()
    assert set(answer) == {"models"}
    entries = {entry["key"]: entry for entry in answer["models"]}
    shared = {"type", "publisher", "key", "display_name", "quantization", "size_bytes", "params_string", "loaded_instances",
              "max_context_length", "format"}
    assert set(entries[KEY]) == shared | {"architecture", "capabilities", "description"}
    assert set(entries[EMBEDDING]) == shared and entries[EMBEDDING]["type"] == "embedding"
    assert entries[EMBEDDING]["quantization"] == {"name": "F16", "bits_per_weight": 16}
    assert entries[EMBEDDING]["loaded_instances"] == [{"id": EMBEDDING, "config": {"context_length": 512}}]
    assert set(entries["talker"]["loaded_instances"][0]["config"]) == {
        "context_length", "eval_batch_size", "parallel", "flash_attention", "offload_kv_cache_to_gpu"}
    assert set(entries["quants"]) == set(entries[KEY]) | {"variants", "selected_variant"}
    assert entries["quants"]["variants"] == ["quants@q4_0", "quants@q8_0"] and entries["quants"]["selected_variant"] == "quants@q4_0"
    keys = [entry["key"] for entry in answer["models"]]
    assert keys == sorted(keys, key=lambda key: (entries[key]["type"] != "llm", key))
    assert all(entry["format"] == "gguf" for entry in answer["models"])


def test_10_variants_and_names(server):
    for name, text in (("quants", "Q4_0"), ("quants@q4_0", "Q4_0"), ("QUANTS@Q8_0", "Q8_0"), ("zoo/quants", "Q4_0"),
                       ("zoo/quants/quants.Q8_0.gguf", "Q8_0")):
        assert texts(server.chat(model=name, input="Who are you", temperature=0)) == [("message", f"I am {text}.")]
    assert texts(server.chat(model="split", input="Hi", temperature=0)) == [("message", "All parts are here.")]
    quantizations = {instance["identifier"]: instance["quantization"] for instance in server.instances() if instance["modelKey"] == "quants"}
    assert quantizations == {"quants": "Q4_0", "quants:2": "Q8_0"}
    entries = {entry["id"]: entry for entry in server.get("/api/v0/models").json()["data"]}
    assert entries["quants"]["quantization"] == "Q4_0" and entries["quants:2"]["quantization"] == "Q8_0"


def test_10_a_new_file_is_seen_by_the_next_request(fresh, models_zoo):
    server = fresh(model=False).add_models(models_zoo, "talker").start()
    assert error_of(server.post("/api/v1/chat", {"model": "second", "input": "Hi"}), 404)["type"] == "model_not_found"
    server.add_models(models_zoo, "second")
    assert texts(server.chat(model="second", input="Hi", temperature=0)) == [("message", "I am the second.")]
    server.add_models(models_zoo, "split")
    assert "split" in [model["key"] for model in server.get("/api/v1/models").json()["models"]]


def test_10_kinds_do_not_mix(server):
    error = error_of(server.post("/api/v1/chat", {"model": EMBEDDING, "input": "Hi"}), 400)
    assert (error["code"], error["param"]) == ("invalid_value", "model")
    answer = server.post("/v1/embeddings", {"model": "talker", "input": "Hi"})
    assert answer.status_code == 400 and answer.json()["error"]["param"] == "model"


def test_11_load_twice_and_unload(fresh, models_zoo):
    server = fresh(model=False).add_models(models_zoo, "talker", "second").start()
    loads = [server.post("/api/v1/models/load", {"model": "talker"}).json() for _ in range(3)]
    assert [load["instance_id"] for load in loads] == ["talker", "talker:2", "talker:3"]
    assert all(load["status"] == "loaded" and load["type"] == "llm" for load in loads)
    assert server.chat(model="talker:2", input="Hi")["model_instance_id"] == "talker:2"
    assert server.chat(model="talker", input="Hi")["model_instance_id"] == "talker"
    unload = lambda body: server.post("/api/v1/models/unload", body)
    assert unload({"instance_id": "talker:2"}).json() == {"instance_id": "talker:2"}
    assert len(server.workers()) == 2
    error = error_of(unload({"instance_id": "talker:2"}), 404)
    assert error["type"] == "model_not_found" and "no loaded instance" in error["message"]
    assert error_of(unload({"instance_id": "TALKER"}), 404)
    assert error_of(unload({"model": "talker"}), 400)["code"] == "unrecognized_keys"
    assert error_of(unload({}), 400)["param"] == "instance_id"
    # The lowest free number.
    assert server.post("/api/v1/models/load", {"model": "talker"}).json()["instance_id"] == "talker:2"
    named = server.post("/api/v1/models/load", {"model": "talker", "identifier": "My own/one"}).json()
    assert named["instance_id"] == "My own/one" and server.chat(model="my OWN/one", input="Hi")["model_instance_id"] == "My own/one"
    assert error_of(server.post("/api/v1/models/load", {"model": "second", "identifier": "My own/one"}), 400)["code"] == "identifier_in_use"


def test_11_unloading_ends_running_answers(server):
    loaded = server.post("/api/v1/models/load", {"model": "endless", "identifier": "doomed", "context_length": 60000}).json()
    events, unloading = [], None
    for name, data in server.stream(**ENDLESS | {"model": loaded["instance_id"]}):
        events.append(json.loads(data))
        if name == "message.delta" and unloading is None:
            unloading = threading.Thread(target=server.post, args=("/api/v1/models/unload", {"instance_id": "doomed"}))
            unloading.start()
    unloading.join()
    result = native_grammar.check(events)
    assert events[-2]["error"]["code"] == "model_unloaded" and "response_id" not in result
    assert ("and the sea " * 10_000).startswith(result["output"][0]["content"])


def test_12_echo(server):
    load = lambda **body: server.post("/api/v1/models/load", {"model": "talker", "identifier": "echo"} | body).json()
    unload = lambda: server.post("/api/v1/models/unload", {"instance_id": "echo"})
    echoed = load(echo_load_config=True)
    assert list(echoed) == ["type", "instance_id", "load_time_seconds", "status", "load_config"]
    assert echoed["load_config"] == {
        "context_length": 4096, "eval_batch_size": 512, "flash_attention": True, "offload_kv_cache_to_gpu": True, "parallel": 4}
    unload()
    assert "load_config" not in load()
    unload()
    asked = {"context_length": 300, "eval_batch_size": 64, "flash_attention": False, "offload_kv_cache_to_gpu": False, "parallel": 2}
    assert load(echo_load_config=True, num_experts=2, **asked)["load_config"] == asked
    unload()
    embedding = server.post("/api/v1/models/load", {"model": EMBEDDING, "identifier": "e", "echo_load_config": True, "parallel": 2}).json()
    assert embedding["type"] == "embedding" and embedding["load_config"] == {"context_length": 512}
    server.post("/api/v1/models/unload", {"instance_id": "e"})


def test_12_our_own_load_fields(server):
    for cache in ("q8_0", "f32"):
        body = {"model": "talker", "identifier": "ours", "kv_cache_type": cache, "gpu": "off", "ttl": 500, "force": True}
        assert server.post("/api/v1/models/load", body).status_code == 200
        assert texts(server.chat(model="ours", input="Be @short now please", temperature=0)) == [("message", "Short.")]
        [state] = [state for state in server.instances() if state["identifier"] == "ours"]
        assert state["ttlMs"] == 500_000 and state["origin"] == "manual" and state["pinned"] is False and state["memoryBytes"] > 0
        server.post("/api/v1/models/unload", {"instance_id": "ours"})
    wrong = server.post("/api/v1/models/load", {"model": "talker", "kv_cache_type": "q4_0", "flash_attention": False})
    assert error_of(wrong, 400)["param"] == "kv_cache_type"
    assert server.post("/api/v1/models/load", {"model": "talker", "gpu": 1.5}).status_code == 400


# 16 and 18: without authentication; life cycle

def test_16_garbage_credentials_are_ignored(server):
    headers = {"Authorization": "Bearer rubbish", "x-api-key": "???"}
    for path in ("/api/v1/models", "/api/v0/models", "/v1/models", "/atelier/instances"):
        assert server.get(path, headers=headers).status_code == 200
    assert server.get("/api/v1/models", headers={"Authorization": "nonsense"}).status_code == 200
    hello = {"model": "talker", "max_tokens": 4, "messages": [{"role": "user", "content": "Hi"}]}
    for path, body in (("/api/v1/chat", {"model": "talker", "input": "Hi"}), ("/api/v0/chat/completions", hello),
                       ("/v1/chat/completions", hello), ("/v1/messages", hello)):
        assert server.post(path, body, headers=headers).status_code == 200


def test_18_without_jit(fresh, models_zoo):
    server = fresh("--no-jit", model=False).add_models(models_zoo, "talker", "second").start()
    listed = lambda path: [entry["id"] for entry in server.get(path).json()["data"]]
    assert listed("/v1/models") == listed("/api/v0/models") == []
    assert [entry["key"] for entry in server.get("/api/v1/models").json()["models"]] == ["second", "talker"]
    for stream in (False, True):
        error = error_of(server.post("/api/v1/chat", {"model": "talker", "input": "Hi", "stream": stream}), 404)
        assert (error["type"], error["code"]) == ("model_not_found", "model_not_loaded")
    server.post("/api/v1/models/load", {"model": "talker"})
    assert listed("/v1/models") == listed("/api/v0/models") == ["talker"]
    assert server.chat(model="talker", input="Hi")["model_instance_id"] == "talker"


def test_18_ttl_counts_idle_seconds_only(fresh, models_zoo):
    server = fresh(model=False).add_models(models_zoo, "endless").start()
    with httpx.stream("POST", f"{server.url}/api/v1/chat", json=ENDLESS | {"stream": True, "ttl": 2}, timeout=30) as answer:
        began = None
        pieces = answer.iter_text()  # kept: the end of this iterator would end the request
        for piece in pieces:
            if began is None and "message.delta" in piece:
                began = time.monotonic()
            if began and time.monotonic() - began > 3:
                break
        assert server.loaded() == ["endless"] and server.busy()
        ended = time.monotonic()
    # The idle time begins after this moment and not before, however long a busy machine takes to notice.
    wait_until(lambda: not server.loaded(), 30, "the idle unload")
    assert time.monotonic() - ended >= 2
    wait_until(lambda: not server.workers(), 30, "the worker's end")


def test_18_later_ttls_are_ignored_and_manual_loads_stay(fresh, models_zoo):
    server = fresh("--ttl", "2", model=False).add_models(models_zoo, "talker", "second").start()
    server.post("/api/v1/models/load", {"model": "second"})
    server.chat(model="talker", input="Hi", ttl=-1)
    server.chat(model="talker", input="Hi", ttl=1)
    server.chat(model="second", input="Hi", ttl=1)
    states = {state["identifier"]: state for state in server.instances()}
    assert states["talker"]["ttlMs"] is None and states["talker"]["origin"] == "jit"
    assert states["second"]["ttlMs"] is None and states["second"]["origin"] == "manual"
    time.sleep(2.5)
    assert sorted(server.loaded()) == ["second", "talker"]


def test_18_the_next_model_waits_for_the_last_ones_answer(fresh, models_zoo, minilm):
    server = fresh(model=False).add_models(models_zoo, "talker", "second")
    server.add_model("sentence-transformers/all-MiniLM-L6-v2-GGUF/all-MiniLM-L6-v2.F16.gguf", minilm)
    server.start()
    server.post("/v1/embeddings", {"model": EMBEDDING, "input": "Hi"})
    order = []

    def other():
        assert texts(server.chat(model="second", input="Hi", temperature=0)) == [("message", "I am the second.")]
        order.append("second")

    thread, text = None, ""
    for name, data in server.stream(model="talker", input="Tell me about @sea please", temperature=0, max_output_tokens=1200):
        if name == "message.delta":
            text += json.loads(data)["content"]
            if thread is None:
                thread = threading.Thread(target=other)
                thread.start()
        if name == "chat.end":
            order.append("talker")
    thread.join()
    assert order == ["talker", "second"] and text == "and the sea " * 100
    # Embedding models are evicted by embedding models only.
    assert sorted(server.loaded()) == ["second", EMBEDDING]
    server.post("/api/v1/models/load", {"model": "talker", "pinned": True})
    server.chat(model="second", input="Hi")
    assert sorted(server.loaded()) == ["second", "talker", EMBEDDING]


# 19: REST v0

def test_19_states_and_ids_with_slashes(fresh, models_zoo):
    server = fresh(model=False).add_models(models_zoo, "talker", "second").start()
    states = lambda: {entry["id"]: entry for entry in server.get("/api/v0/models").json()["data"]}
    before = states()
    assert before["talker"] == {
        "id": "talker", "object": "model", "type": "llm", "publisher": "zoo", "arch": "llama", "compatibility_type": "gguf",
        "quantization": "F16", "state": "not-loaded", "max_context_length": 4096, "capabilities": []}
    # The second of two loads waits for the first: it is seen loading.
    threads = [threading.Thread(target=server.post, args=("/api/v1/models/load", {"model": model, "identifier": name}))
               for model, name in (("talker", "a/b"), ("second", "c"))]
    seen = []
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        answer = server.get("/api/v0/models")
        assert answer.status_code == 200
        seen += [entry for entry in answer.json()["data"]]
    assert any(entry["state"] == "loading" for entry in seen)
    assert all(("loaded_context_length" in entry) == (entry["state"] == "loaded") for entry in seen)
    after = states()
    assert after["a/b"]["state"] == after["c"]["state"] == "loaded" and after["a/b"]["loaded_context_length"] == 4096
    for path in ("a/b", "a%2Fb", "a%2fb/"):
        assert server.get(f"/api/v0/models/{path}").json() == after["a/b"]
    missing = server.get("/api/v0/models/x/y")
    assert missing.status_code == 404 and missing.json()["error"]["code"] == "model_not_found"


def test_19_strict_enums(server):
    for entry in server.get("/api/v0/models").json()["data"]:
        assert entry["type"] in ("llm", "vlm", "embeddings") and entry["compatibility_type"] in ("gguf", "mlx")
        assert entry["state"] in ("loaded", "loading", "not-loaded") and set(entry["capabilities"]) <= {"tool_use", "vision"}
        assert all(isinstance(entry[key], str) for key in ("id", "publisher", "arch", "quantization"))
        assert isinstance(entry["max_context_length"], int)


# 20: clients that leave

@pytest.mark.parametrize("stream", [True, False])
def test_20_a_client_that_leaves(fresh, models_zoo, stream):
    server = fresh(model=False).add_models(models_zoo, "endless").start()
    server.chat(**ENDLESS | {"input": "Hi"}, store=False)
    if stream:
        with httpx.stream("POST", f"{server.url}/api/v1/chat", json=ENDLESS | {"stream": True}, timeout=30) as answer:
            pieces = answer.iter_text()
            while "message.delta" not in next(pieces):
                pass
            assert server.busy()
    else:
        with pytest.raises(httpx.ReadTimeout):
            httpx.post(f"{server.url}/api/v1/chat", json=ENDLESS, timeout=httpx.Timeout(20, read=0.7))
    wait_until(lambda: not server.busy(), 20, "the freed slot")
    assert server.get("/atelier/chats").json()["chats"] == []


# 21: paths

def test_21_greeting_and_unknown_paths(server):
    assert server.get("/lmstudio-greeting").json() == {"lmstudio": True}
    for method, path in (("GET", "/nothing"), ("POST", "/chat/completions"), ("GET", "/api/v1/models/x"), ("GET", "/api/v1/instances"),
                         ("OPTIONS", "/api/v1/chat")):
        answer = httpx.request(method, server.url + path, timeout=20)
        assert error_of(answer, 404) == {
            "type": "invalid_request", "code": "unknown_endpoint", "message": f"Unexpected endpoint or method. ({method} {path})"}
    for path in ("/api/v1/models/", "//api///v1/models", "/api/v1/models?x=1"):
        assert server.get(path).json().keys() == {"models"}
    wrong = httpx.delete(f"{server.url}/api/v1/models", timeout=20)
    assert error_of(wrong, 405)["code"] == "unknown_endpoint" and wrong.headers["allow"] == "GET, HEAD"
    for path in ("/", "/api/v1/models", "/api/v0/models", f"/api/v0/models/{KEY}", "/v1/models", "/lmstudio-greeting"):
        head = httpx.head(server.url + path, timeout=20)
        assert head.status_code == 200 and head.content == b"" and int(head.headers["content-length"]) > 0


def test_21_a_body_needs_no_content_type(server):
    body = json.dumps({"model": "talker", "input": "Be @short now please"}).encode()
    for headers in ({}, {"content-type": "application/x-www-form-urlencoded"}, {"content-type": "text/plain"}):
        assert texts(httpx.post(f"{server.url}/api/v1/chat", content=body, headers=headers, timeout=30).json()) == [("message", "Short.")]
    for path in ("/api/v1/chat", "/api/v1/models/load", "/api/v1/models/unload", "/atelier/estimate"):
        error = error_of(httpx.post(server.url + path, content=b'{"model": ', timeout=20), 400)
        assert (error["type"], error["code"]) == ("invalid_request", "invalid_json")


def test_21_cors_headers_only_when_enabled(server, fresh):
    page = {"Origin": "http://page.example"}
    assert not any(name.startswith("access-control") for name in server.get("/api/v1/models", headers=page).headers)
    open_server = fresh("--cors", model=False).start()
    answer = open_server.get("/api/v1/models", headers=page)
    assert answer.headers["access-control-allow-origin"] == "*"
    preflight = httpx.options(f"{open_server.url}/api/v1/chat", headers=page | {"Access-Control-Request-Headers": "x-one, x-two"})
    assert preflight.status_code == 204 and preflight.headers["access-control-allow-headers"] == "x-one, x-two"
    assert preflight.headers["access-control-allow-methods"] == "GET, POST, OPTIONS" and preflight.headers["access-control-max-age"] == "600"


def test_21_a_body_that_is_too_large(fresh):
    server = fresh("--set", "limits.body_bytes=1024", model=False).start()
    error = error_of(server.post("/api/v1/chat", {"model": "x", "input": "x" * 2000}), 413)
    assert (error["type"], error["code"]) == ("invalid_request", "request_too_large")


def gguf_without_weights() -> bytes:
    """A header that says llama and one tensor that is no part of a llama: listed, and refused by the engine."""
    import struct
    text = lambda value: struct.pack("<Q", len(value)) + value
    metadata = text(b"general.architecture") + struct.pack("<I", 8) + text(b"llama")
    tensor = text(b"nothing.weight") + struct.pack("<IQIQ", 1, 8, 0, 0)
    head = b"GGUF" + struct.pack("<IQQ", 3, 1, 1) + metadata + tensor
    return head + bytes(-len(head) % 32) + bytes(32)
