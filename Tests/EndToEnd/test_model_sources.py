"""Where models come from and what is said about them: further folders read in place, model.yaml, per-model defaults, memory."""
import hashlib
import json
import os
import pathlib
import struct
import threading

import pytest

import native_grammar
from atelier_server import KEY, MODEL, wait_until

CHATML_THINK = "Please @think about it for a while, will you"


def say(server, model: str, text: str = "Hi", **options) -> str:
    answer = server.chat(model=model, input=text, temperature=0, **options)
    return "".join(item["content"] for item in answer["output"] if item["type"] == "message")


# Further folders

def test_a_hugging_face_cache_an_ollama_store_and_lm_studios_folder(fresh, models_zoo, tmp_path):
    blob = lambda key, file: (models_zoo / "zoo" / key / file).read_bytes()
    cache = tmp_path / "huggingface" / "hub" / "models--acme--Second-GGUF"
    snapshot = cache / "snapshots" / "0123abcd"
    snapshot.mkdir(parents=True)
    (cache / "blobs").mkdir()
    (cache / "refs").mkdir()
    (cache / "refs" / "main").write_text("0123abcd")
    (cache / "blobs" / "f00d").write_bytes(blob("second", "second.gguf"))
    (snapshot / "Second-F16.gguf").symlink_to(os.path.relpath(cache / "blobs" / "f00d", snapshot))

    store = tmp_path / "ollama" / "models"
    data = blob("thinker", "thinker.gguf")
    digest = hashlib.sha256(data).hexdigest()
    manifest = store / "manifests" / "registry.ollama.ai" / "library" / "deep" / "1b"
    manifest.parent.mkdir(parents=True)
    manifest.write_text(json.dumps({"schemaVersion": 2, "layers": [
        {"mediaType": "application/vnd.ollama.image.model", "digest": f"sha256:{digest}", "size": len(data)},
        {"mediaType": "application/vnd.ollama.image.params", "digest": "sha256:" + "0" * 64, "size": 2}]}))
    (store / "blobs").mkdir()
    (store / "blobs" / f"sha256-{digest}").write_bytes(data)

    studio = tmp_path / "lmstudio"
    for relative in ("zoo/talker/talker.gguf", "zoo/quants/quants.Q4_0.gguf", "zoo/quants/quants.Q8_0.gguf"):
        (studio / relative).parent.mkdir(parents=True, exist_ok=True)
        os.link(models_zoo / relative, studio / relative)

    roots = ",".join(str(path) for path in (tmp_path / "huggingface", tmp_path / "ollama", studio, tmp_path / "missing"))
    server = fresh(environment={"ATELIER_MODELS_ROOTS": roots}, model=False)
    # The same file in the server's own folder, and another quantization of the same repository.
    server.add_model("zoo/quants/quants.Q8_0.gguf", models_zoo / "zoo/quants/quants.Q8_0.gguf")
    server.start()
    models = {model["key"]: model for model in server.get("/api/v1/models").json()["models"]}
    assert list(models) == ["deep-1b", "quants", "second", "talker"]
    assert [models[key]["publisher"] for key in models] == ["library", "zoo", "acme", "zoo"]
    assert models["quants"]["variants"] == ["quants@q4_0", "quants@q8_0"]
    assert say(server, "acme/Second-GGUF") == "I am the second."
    assert say(server, "deep-1b", CHATML_THINK) == "Answer number one."
    assert say(server, "talker", "Be @short now please") == "Short."
    assert say(server, "quants@q4_0") == "I am Q4_0." and say(server, "quants@q8_0") == "I am Q8_0."
    # A link that appears in the cache is seen.
    (cache / "blobs" / "beef").write_bytes(blob("counter", "counter.gguf"))
    (snapshot / "Counter-F16.gguf").symlink_to(os.path.relpath(cache / "blobs" / "beef", snapshot))
    assert say(server, "counter") == "0 system messages."
    # Nothing was written into others' folders.
    assert not [path for path in tmp_path.rglob("*") if path.name.startswith((".", "server", "atelier"))]


def test_skipped_files_are_logged(fresh):
    server = fresh(model=False)
    server.add_model("p/r/broken.gguf", b"GGUF" + bytes(100))
    server.add_model("shallow.gguf", b"GGUF")
    server.start()
    assert server.get("/api/v1/models").json() == {"models": []}
    wait_until(lambda: "p/r/broken.gguf" in server.log and "shallow.gguf" in server.log, 20, "the log lines")


# model.yaml and defaults

def virtual(server, name: str, text: str):
    folder = server.home / "hub" / "models" / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.yaml").write_text(text)


BASE = "base:\n  - key: zoo/thinker\n    sources: [{type: huggingface, user: zoo, repo: thinker}]\n"


def test_a_model_yaml_names_the_model_and_sets_it_up(fresh, models_zoo):
    server = fresh("--set", "jit.keep_last_only=false", model=False).add_models(models_zoo, "thinker", "effort", "talker")
    virtual(server, "acme/deep", f"""
model: acme/deep
{BASE}
description: Thinks deeply.
metadataOverrides:
  trainedForToolUse: true
customFields:
  - key: enableThinking
    displayName: Thinking
    type: boolean
    defaultValue: false
    effects:
      - {{type: setJinjaVariable, variable: enable_thinking}}
config:
  load:
    fields:
      - {{key: llm.load.contextLength, value: 1000}}
      - {{key: llm.load.numParallelSessions, value: 2}}
  operation:
    fields:
      - {{key: llm.prediction.temperature, value: {{checked: true, value: 0}}}}
      - {{key: llm.prediction.maxPredictedTokens, value: 6}}
""")
    server.start()
    models = {model["key"]: model for model in server.get("/api/v1/models").json()["models"]}
    assert list(models) == ["acme/deep", "effort", "talker"]
    deep = models["acme/deep"]
    assert deep["publisher"] == "acme" and deep["description"] == "Thinks deeply." and deep["capabilities"]["trained_for_tool_use"]
    assert deep["capabilities"]["reasoning"] == {"allowed_options": ["off", "on"], "default": "off"}
    # Off by default, on by request; six tokens of the answer at most.
    answer = server.chat(model="acme/deep", input=CHATML_THINK)
    assert answer["model_instance_id"] == "acme/deep" and answer["stats"]["reasoning_output_tokens"] == 0
    assert answer["stats"]["total_output_tokens"] == 6 and answer["output"][0]["content"].startswith("No th")
    thinking = server.chat(model="acme/deep", input=CHATML_THINK, reasoning="on")
    assert thinking["output"][0] == {"type": "reasoning", "content": "First second third"}
    assert server.chat(model="thinker", input="Hi")["model_instance_id"] == "acme/deep"
    # On every way to load it.
    config = lambda key: [i["config"] for m in server.get("/api/v1/models").json()["models"] if m["key"] == key for i in m["loaded_instances"]]
    assert [(c["context_length"], c["parallel"]) for c in config("acme/deep")] == [(1024, 2)] or [
        (c["context_length"], c["parallel"]) for c in config("acme/deep")] == [(1000, 2)]
    echoed = server.post("/api/v1/models/load", {"model": "zoo/thinker", "echo_load_config": True}).json()
    assert echoed["instance_id"] == "acme/deep:2" and echoed["load_config"]["parallel"] == 2
    assert echoed["load_config"]["context_length"] in (1000, 1024)
    assert server.post("/api/v1/models/load", {"model": "acme/deep", "parallel": 3, "echo_load_config": True}).json()["load_config"]["parallel"] == 3

    # The user's defaults come before it, from the next load on.
    (server.home / "model-defaults.json").write_text(json.dumps({
        "acme/deep": {"llm.load.numParallelSessions": 5},
        "effort": {"llm.prediction.promptTemplate": "{{ 'A template of my own with @effort-high in it, for all messages.' }}"},
        "talker": {"llm.prediction.systemPrompt": "x @sea", "llm.prediction.stopStrings": ["lake", "sea"]}}))
    assert server.post("/api/v1/models/load", {"model": "acme/deep", "echo_load_config": True}).json()["load_config"]["parallel"] == 5
    models = {model["key"]: model for model in server.get("/api/v1/models").json()["models"]}
    assert "reasoning" not in models["effort"]["capabilities"]
    assert say(server, "effort") == "With high effort."
    assert say(server, "talker", "and on and on and on") == "and the "


def test_reasoning_tags_of_ones_own(fresh, models_zoo):
    server = fresh(model=False).add_models(models_zoo, "talker")
    (server.home / "model-defaults.json").write_text(json.dumps({
        "talker": {"llm.prediction.reasoning.parsing": {"enabled": True, "startString": "Hel", "endString": "lo "}}}))
    server.start()
    answer = server.chat(model="talker", input="Hi", temperature=0)
    assert answer["output"] == [{"type": "message", "content": "there."}] or answer["output"][-1] == {"type": "message", "content": "there."}


def test_mistakes_in_model_yaml_cost_nothing_else(fresh, models_zoo):
    server = fresh(model=False).add_models(models_zoo, "talker")
    virtual(server, "acme/broken", "model: [")
    server.start()
    assert [model["key"] for model in server.get("/api/v1/models").json()["models"]] == ["talker"]
    wait_until(lambda: "acme/broken/model.yaml: line 1" in server.log, 20, "the log line")


# Memory

def huge_model(tensor_bytes: int = 1 << 42) -> tuple[bytes, int]:
    """The head of a llama of four terabytes, and the size of the whole file: a hole holds the rest."""
    text = lambda value: struct.pack("<Q", len(value)) + value
    pairs = [(b"general.architecture", b"llama")]
    metadata = b"".join(text(key) + struct.pack("<I", 8) + text(value) for key, value in pairs)
    tensor = text(b"token_embd.weight") + struct.pack("<IQIQ", 1, tensor_bytes // 4, 0, 0)
    head = b"GGUF" + struct.pack("<IQQ", 3, 1, len(pairs)) + metadata + tensor
    head += bytes(-len(head) % 32)
    return head, len(head) + tensor_bytes


def test_what_does_not_fit_is_refused_with_its_numbers(fresh, models_zoo):
    server = fresh(model=False).add_models(models_zoo, "talker")
    head, size = huge_model()
    path = server.add_model("zoo/huge/huge.gguf", head)
    os.truncate(path, size)
    server.start()
    estimate = server.post("/atelier/estimate", {"model": "huge"}).json()
    assert estimate["fits"] is False and estimate["weights_bytes"] == size and estimate["available_bytes"] > 0
    answer = server.post("/api/v1/models/load", {"model": "huge"})
    error = answer.json()["error"]
    assert answer.status_code == 500 and (error["type"], error["code"]) == ("internal_error", "insufficient_memory")
    assert str(estimate["total_bytes"] >> 20) in error["message"] and "MiB are free" in error["message"]
    events = server.native_events(model="huge", input="Hi")
    result = native_grammar.check(events)
    assert [event["type"] for event in events] == ["chat.start", "model_load.start", "model_load.progress", "error", "chat.end"]
    assert events[-2]["error"]["code"] == "insufficient_memory" and result["output"] == []
    # Forced, it is the engine that refuses.
    assert server.post("/atelier/estimate", {"model": "huge", "force": True}).json()["fits"] is True
    forced = server.post("/api/v1/models/load", {"model": "huge", "force": True}).json()["error"]
    assert forced["code"] == "model_load_failed"
    assert say(server, "talker", "Be @short now please") == "Short."


@pytest.mark.parametrize("cache, element", [(None, 2.0), ("q8_0", 34 / 32), ("f32", 4.0)])
def test_the_estimate_follows_what_the_engine_takes(server, cache, element):
    body = {"model": KEY} | ({"kv_cache_type": cache} if cache else {})
    estimates, taken = [], []
    for context in (1024, 4096):
        estimate = server.post("/atelier/estimate", body | {"context_length": context})
        assert estimate.status_code == 200, estimate.text
        estimates.append(estimate.json())
        assert set(estimates[-1]) == {"model", "context_length", "weights_bytes", "kv_cache_bytes", "compute_bytes", "total_bytes",
                                      "available_bytes", "fits"}
        server.post("/api/v1/models/load", body | {"context_length": context, "identifier": "measured"})
        [state] = [state for state in server.instances() if state["identifier"] == "measured"]
        taken.append(state["memoryBytes"])
        server.post("/api/v1/models/unload", {"instance_id": "measured"})
    assert server.loaded() == []
    small, large = estimates
    # 30 layers of 3 heads of 64, keys and values.
    assert small["kv_cache_bytes"] == 30 * 3 * 128 * 1024 * element and large["kv_cache_bytes"] == 4 * small["kv_cache_bytes"]
    assert small["weights_bytes"] == MODEL.stat().st_size
    for estimate, actual in zip(estimates, taken):
        assert actual <= estimate["total_bytes"] <= actual * 1.5 + (100 << 20)
        assert estimate["total_bytes"] == sum(estimate[part] for part in ("weights_bytes", "kv_cache_bytes", "compute_bytes"))


def test_the_estimate_of_an_embedding_model(fresh, minilm):
    server = fresh(model=False)
    server.add_model("sentence-transformers/all-MiniLM-L6-v2-GGUF/all-MiniLM-L6-v2.F16.gguf", minilm)
    server.start()
    key = "text-embedding-all-minilm-l6-v2"
    estimate = server.post("/atelier/estimate", {"model": key}).json()
    assert estimate["kv_cache_bytes"] == 0 and estimate["context_length"] == 512 and estimate["fits"] is True
    server.post("/v1/embeddings", {"model": key, "input": "Hi"})
    [state] = server.instances()
    assert state["memoryBytes"] <= estimate["total_bytes"] <= state["memoryBytes"] * 2 + (100 << 20)
    assert server.post("/atelier/estimate", {"model": "none"}).status_code == 404
    assert server.post("/atelier/estimate", {"model": key, "context_length": 513}).status_code == 400


def test_two_hundred_models_are_listed_quickly_while_one_answers(fresh, models_zoo):
    server = fresh(model=False).add_models(models_zoo, "talker")
    source = models_zoo / "zoo/second/second.gguf"
    for number in range(200):
        server.add_model(f"many/model{number}/model{number}.Q4_0.gguf", source)
    server.start()
    server.chat(model="talker", input="Hi")
    running = threading.Thread(target=lambda: server.chat(
        model="talker", input="Tell me about @sea please", temperature=0, max_output_tokens=600))
    running.start()
    times = []
    while running.is_alive() or not times:
        answer = server.get("/api/v1/models")
        assert len(answer.json()["models"]) == 201
        times.append(answer.elapsed.total_seconds())
    running.join()
    assert sorted(times)[len(times) // 2] < 10  # a release build takes some milliseconds, a busy machine any time
