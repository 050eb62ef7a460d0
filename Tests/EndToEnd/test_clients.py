"""Clients people use, in environments of their own: official SDKs of an old and a new major, and agent frameworks.

Each file in `clients/` is a pytest file of its own; it finds the server in `ATELIER_URL`, a server of tools in
`ATELIER_TOOLS`, and may reach nothing else. The rest of this folder runs with a third generation of the SDKs
(requirements.txt).
"""
import json
import os
import pathlib
import subprocess

import pytest

import agent_scripts
from atelier_server import Server
from tool_server import tool_servers

FOLDER = pathlib.Path(__file__).parent / "clients"
OLD, FRAMEWORKS = "ATELIER_TEST_OLD_SDKS", "ATELIER_TEST_FRAMEWORKS"
# Everything that frameworks tell others or ask of others by default.
QUIET = {
    "DO_NOT_TRACK": "1", "LANGSMITH_TRACING": "false", "LANGCHAIN_TRACING_V2": "false", "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "LITELLM_MODE": "PRODUCTION", "OPENAI_AGENTS_DISABLE_TRACING": "1", "OTEL_SDK_DISABLED": "true", "HF_HUB_OFFLINE": "1",
    "LOGFIRE_SEND_TO_LOGFIRE": "false", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONDONTWRITEBYTECODE": "1", "OPENAI_API_KEY": "anything",
}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = Server("--allow-private-mcp", model=False, environment={"ATELIER_MCP_ALLOW_EPHEMERAL": "true"})
    server.add_model("tests/table/table.gguf", agent_scripts.clients_model(tmp_path_factory.mktemp("model") / "table.gguf"))
    (server.home / "model-defaults.json").write_text(json.dumps({"table": {"llm.load.contextLength": 16384}}))
    try:
        yield server.start()
    finally:
        server.remove()


@pytest.fixture(scope="module")
def tools(tmp_path_factory):
    yield from tool_servers(tmp_path_factory.mktemp("tools"))


@pytest.mark.parametrize("python, client", [
    (OLD, "openai_sdk"), (OLD, "anthropic_sdk"), (FRAMEWORKS, "openai_sdk"), (FRAMEWORKS, "anthropic_sdk"),
    (FRAMEWORKS, "langchain_agents"), (FRAMEWORKS, "litellm_loop"), (FRAMEWORKS, "openai_agents"), (FRAMEWORKS, "pydantic_ai_agents"),
], ids=lambda value: {OLD: "old", FRAMEWORKS: "new"}.get(value, value))
def test_client(server, tools, tmp_path, python, client):
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "ATELIER_URL": server.url, "ATELIER_TOOLS": tools().url} | QUIET
    ran = subprocess.run(
        [os.environ[python], "-m", "pytest", "-q", "-p", "no:cacheprovider", "-o", "faulthandler_timeout=120", "--rootdir", FOLDER,
         "--confcutdir", FOLDER, FOLDER / f"{client}.py"],
        env=environment, cwd=tmp_path, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300)
    assert ran.returncode == 0, ran.stdout + ran.stderr
