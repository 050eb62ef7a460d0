import json
import signal
import subprocess

from atelier_server import KEY, wait_until


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
    assert server.run("config", "set", "no.such.key", "1").returncode == 1


def test_a_damaged_settings_file_is_named(fresh):
    server = fresh(model=False)
    (server.home / "settings.json").write_text("{ broken")
    done = server.run("serve")
    assert done.returncode == 1 and "settings.json" in done.stderr


def test_lists(server):
    entries = json.loads(server.run("ls", "--json").stdout)
    assert [entry["modelKey"] for entry in entries] == [KEY]
    server.chat(input="Hi", max_output_tokens=2)
    [entry] = json.loads(server.run("ps", "--json").stdout)
    assert entry["identifier"] == KEY and entry["status"] == "idle" and entry["contextLength"] == 4096
    status = json.loads(server.run("server", "status", "--json").stdout)
    assert status["running"] is True and status["port"] == server.port


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
