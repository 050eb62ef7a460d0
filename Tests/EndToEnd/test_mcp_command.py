"""`atelier mcp`: the file of servers, and trying them over every transport."""
import base64
import json
import pathlib
import stat
import sys
import time

import pytest

from atelier_server import Server
from tool_server import TRANSPORTS, ToolServer

HERE = pathlib.Path(__file__).parent


@pytest.fixture
def home():
    """Never started: the commands need no server."""
    instance = Server(model=False)
    yield instance
    instance.remove()


def ok(home: Server, *arguments: str) -> str:
    done = home.run("mcp", *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def trial(home: Server, name: str) -> dict:
    return json.loads(ok(home, "test", name, "--json"))


def test_servers_are_added_shown_and_removed(home):
    assert "no servers" in ok(home, "list")
    ok(home, "add", "files", "--env", "TOKEN=hidden", "--timeout", "90000", "--", "npx", "-y", "server", "--flag")
    ok(home, "add", "hub", "--url", "https://example.org/mcp", "--header", "Authorization: Bearer hidden")
    config = base64.b64encode(b'{"url":"https://linked.example/mcp"}').decode()
    assert "mcp/linked" in ok(home, "add", f"lmstudio://add_mcp?name=linked&config={config}")
    ok(home, "add", '{"mcpServers": {"pasted": {"command": "uvx", "args": ["x"]}}}')
    file = home.home / "mcp.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    servers = json.loads(file.read_text())["mcpServers"]
    assert list(servers) == ["files", "hub", "linked", "pasted"]
    assert servers["files"] == {
        "command": "npx", "args": ["-y", "server", "--flag"], "env": {"TOKEN": "hidden"}, "timeout": 90000}
    assert servers["hub"]["headers"] == {"Authorization": "Bearer hidden"}
    shown = ok(home, "list") + ok(home, "list", "--json")
    assert "hidden" not in shown and "npx -y server --flag" in shown
    ok(home, "remove", "linked")
    assert "linked" not in ok(home, "list")
    for arguments in (["remove", "linked"], ["test", "linked"], ["add", "x"], ["add", '{"x": {}}'], ["add", "y", "--url", "ftp://x"]):
        done = home.run("mcp", *arguments)
        assert done.returncode != 0 and done.stderr.strip()


def test_a_program_of_the_sdk(home):
    ok(home, "add", "calc", "--env", "MCP_JOURNAL=", "--", sys.executable, str(HERE / "mcp_server.py"), "stdio")
    answer = trial(home, "calc")
    assert answer["protocol"] == "2026-07-28" and answer["server"] == "test tools" and "say.text" in answer["tools"]


@pytest.mark.parametrize("mode", [[], ["silent"]])
def test_an_older_program(home, mode):
    ok(home, "add", "old", "--", sys.executable, str(HERE / "old_stdio_server.py"), *mode)
    begun = time.monotonic()
    assert trial(home, "old") == {"label": "old", "protocol": "2024-11-05", "server": "old", "tools": ["a", "b", "c"]}
    assert time.monotonic() - begun < 30


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_remote_server(home, tmp_path, transport):
    server = ToolServer(tmp_path, *TRANSPORTS[transport])
    try:
        ok(home, "add", "remote", "--url", server.url)
        answer = trial(home, "remote")
        assert answer["protocol"] == ("2026-07-28" if transport == "2026" else "2025-11-25") and "add" in answer["tools"]
    finally:
        server.stop()


def test_what_does_not_work_says_why(home):
    ok(home, "add", "gone", "--", "no-such-program-here")
    ok(home, "add", "silent", "--", "false")
    ok(home, "add", "nobody", "--url", "http://127.0.0.1:9/mcp")
    for name, words in (("gone", "no program"), ("silent", "ended"), ("nobody", "reached")):
        done = home.run("mcp", "test", name)
        assert done.returncode == 1 and words in done.stderr, done.stderr
