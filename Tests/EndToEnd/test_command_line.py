import json
import os
import pathlib
import select
import signal
import subprocess
import threading
import time

import pytest

from atelier_server import BINARIES, KEY, MODEL, free_port, wait_until
from canned_server import CannedServer
from terminal import Terminal
from test_downloads import tiny

SLOW = {"input": "Count to one thousand.", "temperature": 0}


def test_a_second_server_on_one_data_folder_says_so(server):
    second = server.run("serve", "--port", "0")
    assert second.returncode == 1 and "Another server uses the data folder" in second.stderr


def test_a_port_in_use_is_named(server, fresh):
    other = fresh()
    done = other.run("serve", "--port", str(server.port))
    assert done.returncode == 1 and str(server.port) in done.stderr + done.stdout


def test_config_precedence_and_explain(fresh):
    server = fresh(model=False)
    (server.home / "settings.json").write_text(json.dumps({"port": 4321, "jit": {"ttl_seconds": 60}}))
    explain = lambda key, *flags: json.loads(server.run("config", "explain", key, "--json", *flags).stdout)
    assert explain("port")["value"] == 4321 and explain("port")["origin"] == f"file {server.home}/settings.json"
    assert explain("jit.ttl_seconds")["value"] == 60
    assert explain("jit.enabled")["value"] is True and explain("jit.enabled")["source"] == "default"
    server.environment = {"ATELIER_PORT": "5555"}
    assert explain("port")["value"] == 5555 and explain("port")["origin"] == "environment variable ATELIER_PORT"
    assert server.run("config", "set", "jit.enabled", "false").returncode == 0
    assert explain("jit.enabled")["value"] is False
    assert server.run("config", "set", "port", "99999").returncode == 1
    assert server.run("config", "set", "port").returncode == 2
    assert server.run("config", "set", "no.such.key", "1").returncode == 1


def test_a_damaged_settings_file_is_named(fresh):
    server = fresh(model=False)
    (server.home / "settings.json").write_text("{ broken")
    done = server.run("serve")
    assert done.returncode == 1 and "settings.json" in done.stderr


def test_lists(server):
    [entry] = json.loads(server.run("ls", "--json").stdout)
    assert entry["modelKey"] == KEY and entry["path"] == "HuggingFaceTB/SmolLM2-135M-Instruct-GGUF/SmolLM2-135M-Instruct.Q4_1.gguf"
    assert entry["indexedModelIdentifier"] == entry["path"] and entry["deviceIdentifier"] is None
    assert entry["quantization"] == {"name": "Q4_1", "bits": 4} and entry["vision"] is False
    header, row = server.run("ls").stdout.splitlines()
    assert header.split() == ["MODEL", "TYPE", "PARAMS", "ARCH", "QUANT", "SIZE"] and row.split()[0] == KEY
    assert server.run("ls", KEY.upper(), "--variants").stdout.splitlines()[1].split()[:2] == [f"{KEY}@q4_1", "Q4_1"]
    assert server.run("ls", "--embedding").stdout == ""
    missing = server.run("ls", "nothing")
    assert missing.returncode == 1 and "nothing" in missing.stderr
    server.chat(input="Hi", max_output_tokens=2)
    [entry] = json.loads(server.run("ps", "--json").stdout)
    assert entry["identifier"] == KEY and entry["status"] == "idle" and entry["contextLength"] == 4096
    assert entry["ttlMs"] == 3_600_000 and entry["sizeBytes"] > 0 and entry["parallel"] == 4
    status = json.loads(server.run("server", "status", "--json").stdout)
    assert status == {"running": True, "port": server.port}
    assert server.run("server", "status").stdout == f"The server is running on port {server.port}.\n"
    told = server.run("status").stdout
    assert f"127.0.0.1:{server.port}" in told and KEY in told and "1 loaded" in told
    assert json.loads(server.run("status", "--json").stdout)["models"][0]["identifier"] == KEY
    assert json.loads(server.run("runtime", "ls", "--json").stdout)[0]["supported_formats"] == ["gguf"]
    server.run("unload", "--all")


def test_json_shapes(fresh, models_zoo, minilm):
    """Exactly the members that scripts written for LM Studio's command line know, then our own."""
    server = fresh().add_models(models_zoo, "quants")
    server.add_model("sentence-transformers/all-MiniLM-L6-v2-GGUF/all-MiniLM-L6-v2.F16.gguf", minilm)
    server.start()
    shared = {"type", "modelKey", "format", "displayName", "publisher", "path", "sizeBytes", "indexedModelIdentifier", "deviceIdentifier",
              "quantization", "maxContextLength"}
    language = shared | {"paramsString", "architecture", "vision", "trainedForToolUse"}
    listed = {entry["modelKey"]: entry for entry in json.loads(server.run("ls", "--json").stdout)}
    embedding = next(entry for entry in listed.values() if entry["type"] == "embedding")
    assert set(listed[KEY]) == language and set(embedding) - {"paramsString"} == shared
    assert set(listed["quants"]) | {"paramsString"} == language | {"variants", "selectedVariant"}
    assert all(set(entry["quantization"]) == {"name", "bits"} and entry["deviceIdentifier"] is None for entry in listed.values())
    server.run("load", KEY, "--ttl", "60", "--yes")
    server.run("load", embedding["modelKey"], "--yes")
    running = {entry["identifier"]: entry for entry in json.loads(server.run("ps", "--json").stdout)}
    states = {"identifier", "ttlMs", "lastUsedTime", "contextLength", "status", "queued", "parallel"}
    ours = {"memoryBytes", "origin", "pinned", "progress"}
    # Of a loaded model the quantization is that of its file.
    assert set(running[KEY]) == language | states | ours
    assert set(running[embedding["modelKey"]]) - {"paramsString"} == shared | states | ours
    assert running[KEY]["ttlMs"] == 60_000 and running[KEY]["parallel"] == 4 and running[KEY]["queued"] == 0
    assert running[embedding["modelKey"]]["parallel"] is None and running[embedding["modelKey"]]["ttlMs"] is None
    assert all(set(entry["quantization"]) == {"name", "bits"} for entry in running.values())
    server.chat(input="Hi", max_output_tokens=2)
    used = next(entry for entry in json.loads(server.run("ps", "--json").stdout) if entry["identifier"] == KEY)
    assert abs(used["lastUsedTime"] / 1000 - time.time()) < 120 and used["status"] == "idle"


def test_sigterm_ends_cleanly_and_frees_the_port(fresh):
    server = fresh().start()
    server.chat(input="Hi", max_output_tokens=2)
    workers = server.workers()
    assert server.stop(signal.SIGTERM) == 0
    assert workers and server.workers() == []
    server.start()


def test_the_built_binary_runs_from_any_folder(server, tmp_path):
    done = subprocess.run(server.command("version"), cwd=tmp_path, env=server.full_environment(), capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.strip()


# Loading


def test_load_and_unload(server):
    loaded = server.run("load", KEY, "-c", "1024", "--parallel", "2", "--identifier", "mine", "--ttl", "600", "-y")
    assert loaded.returncode == 0 and loaded.stdout == "mine\n" and "context of 1024" in loaded.stderr
    second = json.loads(server.run("load", KEY, "--json").stdout)
    assert second["status"] == "loaded" and second["instance_id"] == KEY and second["load_config"]["parallel"] == 4
    assert server.run("load", KEY).stdout == f"{KEY}:2\n"
    entries = {entry["identifier"]: entry for entry in json.loads(server.run("ps", "--json").stdout)}
    assert set(entries) == {"mine", KEY, f"{KEY}:2"} and entries["mine"]["ttlMs"] == 600_000
    table = server.run("ps").stdout.splitlines()
    assert table[0].split()[:3] == ["IDENTIFIER", "MODEL", "STATUS"] and len(table) == 4
    taken = server.run("load", KEY, "--identifier", "mine")
    assert taken.returncode == 1 and "mine" in taken.stderr
    several = server.run("unload")
    assert several.returncode == 1 and "--all" in several.stderr
    assert server.run("unload", "mine").returncode == 0
    assert set(json.loads(server.run("unload", "--all", "--json").stdout)["unloaded"]) == {KEY, f"{KEY}:2"}
    assert server.run("ps").stdout == "" and server.run("unload").returncode == 1
    assert server.run("unload", "nothing").returncode == 1


@pytest.mark.parametrize("arguments", [
    ["--gpu", "2"], ["--ttl", "0"], ["--context-length", "x"], [], ["a", "b"], ["--no-such-flag", KEY]])
def test_load_with_bad_arguments(server, arguments):
    done = server.run("load", *arguments)
    assert done.returncode == 2 and done.stderr.startswith("Error: ") and done.stdout == ""


def test_load_of_an_unknown_model(server):
    for arguments in (["smollm2-135m-instruckt"], ["smollm2-135m", "--exact"]):
        done = server.run("load", *arguments)
        assert done.returncode == 1 and "Error: " in done.stderr


def test_load_in_a_terminal(server):
    screen = Terminal(server.command("load"), server.full_environment())
    screen.expect("Model [1]:")
    screen.type("")
    assert screen.finish() == 0
    assert screen.text.rstrip().endswith(KEY) and f"Loading {KEY}" in screen.text
    assert server.run("unload", KEY).returncode == 0


# Routes with answers written beforehand


@pytest.fixture
def canned():
    made = []

    def make(answers):
        made.append(CannedServer(answers))
        return made[-1]

    yield make
    for one in made:
        one.close()


def test_every_load_flag_is_sent(fresh, canned):
    server = fresh(model=False)
    other = canned({("POST", "/api/v1/models/load"): (200, {"instance_id": "m", "load_time_seconds": 1, "status": "loaded"})})
    done = server.run("load", "m", "--gpu", "max", "--pinned", "--force", "--kv-cache-type", "q8_0", "--port", str(other.port), "--host", "127.0.0.1")
    assert done.returncode == 0 and done.stdout == "m\n"
    assert other.bodies("POST", "/api/v1/models/load") == [
        {"model": "m", "gpu": 1, "kv_cache_type": "q8_0", "pinned": True, "force": True, "echo_load_config": True}]


def test_estimates(fresh, canned):
    server = fresh(model=False)
    answer = {"model": "m", "context_length": 2048, "weights_bytes": 98_562_304, "kv_cache_bytes": 47_185_920, "compute_bytes": 5_000_000,
              "total_bytes": 150_748_224, "available_bytes": 8_000_000_000, "fits": True}
    other = canned({("POST", "/atelier/estimate"): (200, answer)})
    server.environment = {"ATELIER_PORT": str(other.port)}
    done = server.run("load", "m", "--estimate-only", "-c", "2048")
    assert done.returncode == 0 and "Total      150.7 MB" in done.stdout and "can be loaded" in done.stdout
    assert other.bodies("POST", "/atelier/estimate") == [{"model": "m", "context_length": 2048}]
    assert json.loads(server.run("load", "m", "--estimate-only", "--json").stdout) == answer
    answer["fits"] = False
    assert server.run("load", "m", "--estimate-only").returncode == 1


def test_chats(fresh, canned, tmp_path):
    server = fresh(model=False)
    one = {"id": "chat_1", "created_at": "2026-01-31T10:00:00.000Z", "updated_at": "2026-01-31T10:15:30.123Z", "model": "m", "turns": 2, "title": "Say hello"}
    whole = {"id": "chat_1", "messages": [{"role": "user", "content": "Say hello"}, {"role": "assistant", "content": "Hello.\x1b[2J"}], "turns": []}
    other = canned({
        ("GET", "/atelier/chats"): (200, {"chats": [one]}), ("GET", "/atelier/chats/chat_1"): (200, whole),
        ("DELETE", "/atelier/chats/chat_1"): (200, {"id": "chat_1", "deleted": True}),
        ("GET", "/atelier/chats/nothing"): (404, {"error": {"type": "invalid_request", "code": "response_not_found", "message": "no such chat"}})})
    server.environment = {"ATELIER_PORT": str(other.port)}
    assert server.run("chats").stdout.splitlines()[1].split() == ["chat_1", "2026-01-31", "10:15", "2", "m", "Say", "hello"]
    assert json.loads(server.run("chats", "list", "--json").stdout) == [one]
    shown = server.run("chats", "show", "chat_1").stdout
    assert shown == "USER\nSay hello\n\nASSISTANT\nHello.[2J\n"
    assert json.loads(server.run("chats", "show", "chat_1", "--json").stdout) == whole
    assert json.loads(server.run("chats", "export", "chat_1").stdout) == whole
    assert json.loads(server.run("chats", "export", "--all").stdout) == [whole]
    file = tmp_path / "chat.md"
    assert server.run("chats", "export", "chat_1", "--format", "markdown", "-o", str(file)).returncode == 0
    assert file.read_text().startswith("# Chat chat_1\n\n## User\n\nSay hello\n")
    assert server.run("chats", "export", "chat_1", "-o", str(file)).returncode == 1
    missing = server.run("chats", "show", "nothing")
    assert missing.returncode == 1 and "no such chat" in missing.stderr
    assert server.run("chats", "delete", "chat_1").stdout == "Deleted chat_1.\n"
    assert server.run("chats", "delete", "--all").returncode == 2
    assert json.loads(server.run("chats", "delete", "--all", "--yes", "--json").stdout) == {"deleted": ["chat_1"]}
    assert server.run("chats", "show").returncode == 2


@pytest.mark.parametrize("name", ["ATELIER_API_TOKEN", "LM_API_TOKEN", "LMSTUDIO_API_TOKEN"])
def test_the_token_is_sent(fresh, canned, name):
    server = fresh(model=False)
    other = canned({("GET", "/api/v1/models"): (200, {"models": []})})
    server.environment = {name: "sk-lm-Ab12Cd34:0123456789abcdefGHIJ", "ATELIER_PORT": str(other.port)}
    assert server.run("ls").returncode == 0
    assert all(headers["authorization"] == "Bearer sk-lm-Ab12Cd34:0123456789abcdefGHIJ" for _, _, headers, _ in other.requests)


def test_a_missing_token_is_told(fresh):
    server = fresh("--require-auth").start()
    done = server.run("ls")
    assert done.returncode == 1 and "token" in done.stderr


# Chatting


def test_one_question(server):
    done = server.run("chat", KEY, "-p", "Say hello.", "-s", "Be brief.", "--stats")
    assert done.returncode == 0 and done.stdout.strip() and "tokens/s" in done.stderr
    answer = json.loads(server.run("chat", "-p", "Say hello.", "--json").stdout)
    assert answer["output"][0]["content"] and "response_id" not in answer
    piped = subprocess.run(server.command("chat", KEY, "--prompt", "Repeat:"), env=server.full_environment(), input="a word\n",
                           capture_output=True, text=True, timeout=60)
    assert piped.returncode == 0 and piped.stdout.strip()
    nothing = server.run("chat", KEY)
    assert nothing.returncode == 2 and "nothing to ask" in nothing.stderr
    assert server.run("chat", "no-such-model", "-p", "x").returncode == 1


def test_a_chat_in_a_terminal(server):
    screen = Terminal(server.command("chat", KEY), server.full_environment())
    screen.expect("> ")
    screen.type("My name is Ada.")
    # As long as the model likes, on a machine that has other things to do.
    wait_until(lambda: screen.read(0.1) and screen.text.count("\n> ") >= 2, 240)
    screen.type("Count to one thousand, one number in each line.")
    wait_until(server.busy, 20)
    screen.interrupt()
    wait_until(lambda: screen.read(0.1) and not server.busy(), 20)
    screen.type("/bye")
    assert screen.finish() == 0


def test_watching_predictions(server):
    log = subprocess.Popen(server.command("log", "stream", "--json", "--stats", "--filter", "input,output"), env=server.full_environment(),
                           stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        wait_until(lambda: "/atelier/log" in server.log, 10)

        def shown():
            server.chat(input="Say hello.", max_output_tokens=4, store=False)
            return select.select([log.stdout], [], [], 0.2)[0]

        wait_until(shown, 20)
        first, second = (json.loads(log.stdout.readline()) for _ in range(2))
        assert first["data"]["type"] == "llm.prediction.input" and "Say hello." in first["data"]["input"]
        assert second["data"]["type"] == "llm.prediction.output" and second["data"]["modelIdentifier"] == KEY
        assert second["data"]["stats"]["total_output_tokens"] == 4 and abs(second["timestamp"] / 1000 - time.time()) < 60
    finally:
        log.send_signal(signal.SIGINT)
        log.wait(10)
    assert server.run("log", "stream", "-s", "server", "--stats").returncode == 2


# Files


def test_import_and_rm(fresh, tmp_path):
    server = fresh(model=False).start()
    source = tmp_path / "Tiny-1B.Q4_0.gguf"
    source.write_bytes(tiny())
    planned = server.run("import", str(source), "--dry-run")
    assert planned.returncode == 0 and "imported/Tiny-1B/Tiny-1B.Q4_0.gguf" in planned.stdout and source.exists()
    assert not list((server.home / "models").rglob("*.gguf"))
    copied = server.run("import", str(source), "--copy", "--user-repo", "me/tiny")
    assert copied.returncode == 0 and copied.stdout == "tiny-1b\n" and source.exists()
    assert [entry["modelKey"] for entry in json.loads(server.run("ls", "--json").stdout)] == ["tiny-1b"]
    again = server.run("import", str(source), "-l", "--user-repo", "me/tiny")
    assert again.returncode == 1 and "already" in again.stderr
    linked = json.loads(server.run("import", str(source), "-l", "--user-repo", "you/tiny", "--json").stdout)
    assert linked["files"] == ["you/tiny/Tiny-1B.Q4_0.gguf"] and linked["imported"] is True
    assert (server.home / "models/you/tiny/Tiny-1B.Q4_0.gguf").is_symlink()
    assert server.run("rm", "you/tiny-1b").returncode == 2
    gone = server.run("rm", "you/tiny-1b", "-y")
    assert gone.returncode == 0 and source.exists() and not (server.home / "models/you").exists()
    moved = server.run("import", str(source), "-y")
    assert moved.returncode == 0 and not source.exists() and (server.home / "models/imported/Tiny-1B").is_dir()
    assert json.loads(server.run("rm", "me/tiny-1b", "--yes", "--json").stdout)["deleted"] is True
    (tmp_path / "bad.gguf").write_text("no model")
    for arguments, code in [(["bad.gguf"], 1), (["missing.gguf"], 1), (["bad.gguf", "-c", "-L"], 2), ([], 2),
                            (["bad.gguf", "--user-repo", "../x"], 2)]:
        done = subprocess.run(server.command("import", *arguments), env=server.full_environment(), cwd=tmp_path,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True)
        assert done.returncode == code and done.stderr.startswith("Error: "), (arguments, done)
    assert server.run("rm", "nothing", "-y").returncode == 1


def test_rm_asks_in_a_terminal_and_needs_force_while_loaded(fresh):
    server = fresh().start()
    assert server.run("load", KEY).returncode == 0
    loaded = server.run("rm", KEY, "-y")
    assert loaded.returncode == 1 and "loaded" in loaded.stderr
    for answer, code in (("n", 1), ("y", 0)):
        screen = Terminal(server.command("rm", KEY, "--force"), server.full_environment())
        screen.expect("for good? [y/N]")
        assert "Q4_1" in screen.text and "MB" in screen.text
        screen.type(answer)
        assert screen.finish() == code
    assert server.run("ls").stdout == "" and server.run("ps").stdout == ""


# The server itself


def alive(process: int) -> bool:
    try:
        return pathlib.Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def test_start_status_stop(fresh):
    server = fresh(model=False)
    nothing = server.run("ls")
    assert nothing.returncode == 3 and "No server" in nothing.stderr
    assert server.run("server", "status").returncode == 3
    assert json.loads(server.run("server", "status", "--json").stdout) == {"running": False}
    assert server.run("status").returncode == 3
    assert json.loads(server.run("daemon", "status", "--json").stdout) == {"status": "not-running"}
    try:
        started = server.run("server", "start", "-p", str(server.port))
        assert started.returncode == 0 and started.stdout == f"Success! Server is now running on port {server.port}\n"
        again = server.run("server", "start")
        assert again.returncode == 0 and "already running" in again.stdout
        assert server.run("server", "start", "-p", str(free_port())).returncode == 1
        state = json.loads(server.run("daemon", "status", "--json").stdout)
        assert state == {"status": "running", "pid": state["pid"], "isDaemon": True}
        # A session of its own: closing the terminal it was started from does not end it.
        assert os.getsid(state["pid"]) == state["pid"]
        log = server.home / "logs/server.log"
        assert log.stat().st_mode & 0o777 == 0o600 and str(server.port) in log.read_text()
        stopped = server.run("server", "stop")
        assert stopped.returncode == 0 and stopped.stdout == f"Stopped the server on port {server.port}.\n"
        assert not alive(state["pid"])
        assert json.loads(server.run("server", "status", "--json").stdout) == {"running": False, "port": server.port}
        assert server.run("server", "stop").returncode == 1
        # The last port is taken again.
        up = json.loads(server.run("daemon", "up", "--json").stdout)
        assert up == {"status": "running", "pid": up["pid"], "isDaemon": True, "version": up["version"]}
        assert json.loads(server.run("server", "status", "--json").stdout)["port"] == server.port
        assert server.run("daemon", "down").returncode == 0
    finally:
        server.run("server", "stop", "--force")


def test_a_server_that_cannot_start_says_why(fresh, server):
    other = fresh(model=False)
    done = other.run("server", "start", "-p", str(server.port))
    assert done.returncode == 1 and str(server.port) in done.stderr and "in use" in done.stderr
    wide = other.run("server", "start", "--bind", "0.0.0.0")
    assert wide.returncode == 1 and "--insecure" in wide.stderr
    flags = other.run("server", "start", "--", "--set", "no.such=1")
    assert flags.returncode == 1 and "no.such" in flags.stderr


def test_stop_waits_for_answers_unless_forced(fresh):
    server = fresh().start()
    server.chat(input="Hi", max_output_tokens=2)
    thread = threading.Thread(target=lambda: server.native_events(**SLOW))
    thread.start()
    wait_until(server.busy, 20)
    begun = time.monotonic()
    assert server.run("server", "stop", "--force").returncode == 0
    assert time.monotonic() - begun < 15 and server.process.wait(10) is not None
    thread.join(20)


def test_as_lms(server, tmp_path):
    lms = tmp_path / "lms"
    lms.symlink_to(BINARIES / "atelier")
    run = lambda *arguments: subprocess.run([str(lms), *arguments], env=server.full_environment(), stdin=subprocess.DEVNULL,
                                            capture_output=True, text=True, timeout=60)
    assert "USAGE: lms <subcommand>" in run("--help").stdout
    assert json.loads(run("ls", "--json").stdout)[0]["modelKey"] == KEY
    assert run("load", KEY, "--yes", "--gpu", "max", "--verbose").returncode in (0, 1)
    assert run("unload", "--all").returncode == 0
    assert run("server", "status").stdout == f"The server is running on port {server.port}.\n"
    assert run("server", "status", "--quiet", "--verbose").returncode == 2
    for name in ("login", "link", "push", "clone", "dev", "create"):
        done = run(name)
        assert done.returncode == 2 and done.stderr.count("\n") == 1 and done.stdout == ""


def test_version(server):
    assert server.run("version").stdout == server.run("--version").stdout
    assert json.loads(server.run("version", "--json").stdout)["version"] == server.run("version").stdout.strip()
    assert server.run("no-such-command").returncode == 2
