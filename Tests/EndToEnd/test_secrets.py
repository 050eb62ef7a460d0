"""Secrets stay where they belong: not in the log, the process table, the data folder or an answer."""
import json
import pathlib

import httpx

from test_tokens import create
from test_transport import SecureServer

HUB, HEADER, VARIABLE = "hf_plantedHubToken4711", "planted-mcp-header-4712", "planted-mcp-variable-4713"
LEAKS = ["sk-proj-plantedForeignKey4714", "planted.password.4715"]


def files(folder: pathlib.Path):
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink() and path.suffix != ".gguf":
            yield path, path.read_bytes()


def test_planted_secrets_stay_hidden(models_zoo):
    server = SecureServer("--require-auth", "--log-level", "trace", environment={"HF_TOKEN": HUB, "LM_API_TOKEN": "sk-lm-Plant716:planted4716planted471"})
    try:
        server.add_models(models_zoo, "talker", "refuser")
        mcp = {"mcpServers": {"hub": {"url": "https://192.0.2.1/mcp", "headers": {"Authorization": f"Bearer {HEADER}"}},
                              "files": {"command": "/bin/false", "env": {"KEY": VARIABLE}}}}
        (server.home / "mcp.json").write_text(json.dumps(mcp))
        server.start()
        token = create(server, "--allow", "all")
        deleted = create(server)
        assert server.run("token", "delete", deleted[6:14]).returncode == 0
        # The part with the secret number; the rest is public.
        key = server.key.read_text().splitlines()[1]
        client = httpx.Client(base_url=server.url, verify=False, timeout=60)
        bodies = []

        def ask(method: str, path: str, body=None, **headers):
            answer = client.request(method, path, json=body, headers=headers)
            bodies.append(answer.text + str(answer.headers))
            return answer

        right = {"Authorization": f"Bearer {token}"}
        chat = {"model": "talker", "input": "Hello"}
        assert ask("POST", "/api/v1/chat", chat, **right).status_code == 200
        assert ask("POST", "/v1/chat/completions", {"model": "talker", "messages": [{"role": "user", "content": "x"}]},
                   **{"x-api-key": token}).status_code == 200
        for wrong in [*LEAKS, deleted, token[:-1], token + "x", f"sk-lm-{token[6:14]}:planted4717planted47"]:
            for headers in ({"Authorization": f"Bearer {wrong}"}, {"x-api-key": wrong}, {"Authorization": wrong},
                            {"Authorization": f"Basic {wrong}"}):
                for path in ("/v1/models", "/api/v1/models", "/nowhere"):
                    assert ask("GET", path, **headers).status_code in (401, 429)
            assert ask("POST", "/v1/messages", chat, **{"x-api-key": wrong}).status_code in (401, 429)
        for path in (f"/v1/models?api_key={token}", f"/nowhere?token={token}", f"/v1/models/{token[:6]}?key={HUB}"):
            ask("GET", path, **right)
        for integration in ("mcp/hub", "mcp/files", {"type": "ephemeral_mcp", "server_label": "x", "server_url": "https://192.0.2.1",
                                                     "headers": {"Authorization": f"Bearer {HEADER}"}}):
            assert ask("POST", "/api/v1/chat", chat | {"integrations": [integration]}, **right).status_code >= 400
        ask("POST", "/api/v1/chat", chat | {"model": "refuser"}, **right)
        ask("POST", "/api/v1/models/load", {"model": "nothing"}, **right)
        ask("POST", "/api/v1/chat", {"model": token}, **{"Authorization": "Bearer " + deleted})

        workers = server.workers()
        assert workers
        secrets = [HUB, HEADER, VARIABLE, token.split(":")[1], deleted.split(":")[1], "planted4716", "planted4717", *LEAKS, key]
        places = {"log": server.log.encode(), "answers": "\n".join(bodies).encode()}
        for pid in [server.process.pid, *workers]:
            places[f"command line of {pid}"] = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
        for pid in workers:
            places[f"environment of {pid}"] = pathlib.Path(f"/proc/{pid}/environ").read_bytes()
        for path, content in files(server.home):
            if path.name not in ("mcp.json", "server.key"):
                places[path.name] = content
        assert {"tokens.json", "atelier.sqlite", "server.json"} <= set(places)
        for place, content in places.items():
            for secret in secrets:
                assert secret.encode() not in content, f"{secret} is in the {place}"
        # Only the owner may read what holds anything of value.
        for name in ("tokens.json", "token-use.json", "atelier.sqlite", "seal.key"):
            assert (server.home / name).stat().st_mode & 0o077 == 0, name
    finally:
        server.remove()


def test_a_server_in_the_background_gets_no_token(fresh):
    server = fresh(model=False, environment={name: "sk-lm-Ab12Cd34:planted4718planted47" for name in
                                             ("LM_API_TOKEN", "LMSTUDIO_API_TOKEN", "ATELIER_API_TOKEN")})
    try:
        started = json.loads(server.run("server", "start", "--port", str(server.port), "--json").stdout)
        assert b"planted4718" not in pathlib.Path(f"/proc/{started['pid']}/environ").read_bytes()
        assert b"planted4718" not in pathlib.Path(f"/proc/{started['pid']}/cmdline").read_bytes()
    finally:
        server.run("server", "stop")
