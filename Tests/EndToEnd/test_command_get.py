"""`atelier get` and `atelier downloads` against a hub on loopback, with and without a terminal."""
import json
import re
import signal

import pytest

from atelier_server import wait_until
from fake_hub import FakeHub
from terminal import Terminal
from test_downloads import tiny


@pytest.fixture
def hub():
    instance = FakeHub()
    yield instance
    instance.close()


@pytest.fixture
def server(fresh, hub):
    hub.add("me/wren-GGUF", {"wren.Q4_K_M.gguf": tiny(40_000), "wren.Q8_0.gguf": tiny(80_000)})
    return fresh(model=False, environment={"HF_ENDPOINT": hub.url}).start()


@pytest.fixture
def terminal(server):
    open_ones = []

    def make(*arguments, columns=80):
        open_ones.append(Terminal(server.command(*arguments), server.full_environment(), columns))
        return open_ones[-1]

    yield make
    for one in open_ones:
        one.close()


def files(server) -> list[str]:
    return sorted(path.name for path in (server.home / "models").rglob("*") if path.is_file())


def slow(hub, name: str = "me/big-GGUF", size: int = 4_000_000) -> str:
    hub.add(name, {"big.Q4_K_M.gguf": tiny(size)}).bytes_per_second = 1e6
    return name


@pytest.mark.parametrize("arguments, file", [
    (["me/wren-GGUF"], "wren.Q4_K_M.gguf"), (["me/wren-GGUF@q8_0"], "wren.Q8_0.gguf"),
    (["me/wren-GGUF", "--quantization", "q8_0"], "wren.Q8_0.gguf"), (["wren", "gguf", "-y"], "wren.Q4_K_M.gguf"),
    (["--yes", "me/wren-GGUF"], "wren.Q4_K_M.gguf")])
def test_get(server, arguments, file):
    done = server.run("get", *arguments)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "wren" and files(server) == [file]
    assert "Downloaded" in done.stderr and "\x1b" not in done.stderr
    again = server.run("get", *arguments)
    assert again.returncode == 0 and "already downloaded" in again.stdout


def test_get_by_link(server, hub):
    done = server.run("get", f"{hub.url}/me/wren-GGUF", "--quantization", "Q8_0", "--json")
    job = json.loads(done.stdout)
    assert done.returncode == 0 and job["status"] == "completed" and job["model_key"] == "wren" and done.stderr == ""
    assert json.loads(server.run("get", f"{hub.url}/me/wren-GGUF@q8_0", "--json").stdout) == {"status": "already_downloaded"}


def test_get_says_what_is_wrong(server):
    for arguments, code, text in [
        (["me/nothing"], 1, "me/nothing"), (["me/wren-GGUF@q2_k"], 1, "Q4_K_M, Q8_0"), (["a@b@c"], 2, "More than one"),
        (["zebra", "crossing"], 1, "Nothing found"), (["me/wren-GGUF", "--mlx"], 1, "GGUF"),
        (["me/wren-GGUF", "--limit", "0"], 2, "--limit")]:
        done = server.run("get", *arguments)
        assert (done.returncode, text in done.stderr, done.stdout) == (code, True, ""), (arguments, done)


def test_search_without_a_terminal_lists_what_there_is(server):
    done = server.run("get", "qwen3")
    assert done.returncode == 1 and "qwen/qwen3-0.6b" in done.stdout and "Name one" in done.stderr
    found = json.loads(server.run("get", "qwen3", "--json").stdout)
    assert found["models"][0]["id"].startswith("qwen/qwen3")
    mine = server.run("get", "me", "wren")
    assert mine.returncode == 1 and "me/wren-GGUF" in mine.stdout and files(server) == []


def test_choosing_in_a_terminal(server, terminal):
    screen = terminal("get", "wren")
    screen.expect("Download [1]:")
    screen.type("1")
    screen.expect("Quantization [1]:")
    assert "recommended" in screen.text and "Q8_0" in screen.text
    screen.type("7")
    screen.expect("from 1 to 2")
    screen.type("2")
    assert screen.finish() == 0
    assert files(server) == ["wren.Q8_0.gguf"]
    assert all(len(line) <= 80 for line in re.split("[\r\n]", screen.text))


def test_leaving_the_choice_downloads_nothing(server, terminal):
    screen = terminal("get", "me/wren-GGUF")
    screen.expect("Quantization [1]:")
    screen.type("q")
    assert screen.finish() == 1 and files(server) == []


def test_progress_and_ctrl_c(server, hub, terminal):
    screen = terminal("get", slow(hub), "-y")
    screen.expect(" MB/s")
    screen.expect("left")
    assert "big Q4_K_M  [█" in screen.text
    frames = screen.raw.split("\r")
    assert all(len(frame.split("\x1b")[0]) < 78 for frame in frames)
    screen.interrupt()
    assert screen.finish() == 130
    [job] = server.get("/atelier/downloads").json()["jobs"]
    assert job["status"] == "paused" and f"downloads resume {job['job_id']}" in screen.text
    hub.repositories["me/big-GGUF"].bytes_per_second = None
    done = server.run("downloads", "resume", job["job_id"], "--follow")
    assert done.returncode == 0 and done.stdout.strip() == "big"
    assert hub.sent < 1.2 * len(tiny(4_000_000))


def test_downloads(server, hub):
    name = slow(hub)
    detached = server.run("get", name, "--detach")
    job = detached.stdout.strip()
    assert detached.returncode == 0 and job.startswith("job_")
    wait_until(lambda: server.get(f"/atelier/downloads/{job}").json()["downloaded_bytes"] > 100_000, 20)
    listed = server.run("downloads")
    assert job in listed.stdout and "downloading" in listed.stdout and "big Q4_K_M" in listed.stdout
    assert all(len(line) <= 80 for line in listed.stdout.split("\n"))
    paused = server.run("downloads", "pause", job)
    assert paused.returncode == 0 and paused.stdout.startswith(f"Paused {job} at ")
    [entry] = json.loads(server.run("downloads", "list", "--json").stdout)
    assert entry["status"] == "paused" and entry["model"] == name
    assert server.run("downloads", "resume", "--all").stdout == f"Resumed {job}.\n"
    assert server.run("downloads", "cancel", job).stdout == f"Cancelled {job}.\n"
    assert files(server) == [] and server.run("downloads").stdout == ""
    assert server.run("downloads", "pause", job).returncode == 1
    assert server.run("downloads", "pause").returncode == 2
    server.run("get", "me/wren-GGUF")
    assert server.run("downloads").stdout == "" and "completed" in server.run("downloads", "--all").stdout


def test_a_failed_download_says_why_and_how_to_go_on(server, hub):
    hub.add("me/lie-GGUF", {"lie.gguf": tiny()}).hashes["lie.gguf"] = "0" * 64
    done = server.run("get", "me/lie-GGUF")
    assert done.returncode == 1 and "SHA-256" in done.stderr and "downloads resume job_" in done.stderr
    assert "lie.gguf was refused" in server.run("downloads").stderr


def test_a_server_that_dies_meanwhile(server, hub, terminal):
    screen = terminal("get", slow(hub), "-y")
    screen.expect(" MB/s")
    server.stop(signal.SIGKILL)
    assert screen.finish() == 3
