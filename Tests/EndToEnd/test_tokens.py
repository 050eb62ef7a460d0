"""API tokens, as native.md 3 has them: the command line makes them, the server asks for them."""
import json
import re
import socket
import stat

import anthropic
import httpx
import openai
import pytest

from atelier_server import Server

SHAPE = re.compile(r"sk-lm-[A-Za-z0-9]{8}:[A-Za-z0-9]{20}")
UNKNOWN = "sk-lm-Ab12Cd34:0123456789abcdefGHIJ"
HELLO = [{"role": "user", "content": "Hello"}]


def create(server, *arguments) -> str:
    done = server.run("token", "create", "--name", "test", *arguments)
    assert done.returncode == 0, done.stderr
    [token] = done.stdout.split()
    assert SHAPE.fullmatch(token)
    return token


def bearer(token) -> dict:
    return {"headers": {"Authorization": f"Bearer {token}"}}


@pytest.fixture(scope="module")
def guarded(models_zoo):
    server = Server("--require-auth", "--set", "jit.keep_last_only=false", "--set", "limits.failed_tokens=1000", model=False).add_models(models_zoo, "talker", "second")
    try:
        yield server.start()
    finally:
        server.remove()


@pytest.fixture(scope="module")
def token(guarded) -> str:
    return create(guarded)


def test_every_surface_asks_for_a_token(guarded, token):
    assert httpx.get(f"{guarded.url}/lmstudio-greeting", timeout=20).json() == {"lmstudio": True}
    assert httpx.get(guarded.url, timeout=20).status_code == 200
    for path in ("/api/v1/models", "/api/v0/models", "/v1/models", "/atelier/instances", "/nowhere"):
        for options, phrase in (
            ({}, "API token is required"), (bearer("lm-studio"), "Malformed LM Studio API token provided: 'lm-s"),
            (bearer(UNKNOWN), "Invalid API token provided."), ({"headers": {"x-api-key": UNKNOWN}}, "Invalid API token provided."),
        ):
            answer = guarded.get(path, **options)
            assert answer.status_code == 401 and answer.headers["www-authenticate"] == "Bearer"
            error = answer.json()["error"]
            assert phrase in error["message"] and error["code"] == "invalid_api_key"
            assert UNKNOWN[14:] not in answer.text
        status = 404 if path == "/nowhere" else 200
        assert guarded.get(path, **bearer(token)).status_code == status
        assert guarded.get(path, headers={"x-api-key": token}).status_code == status
    answer = guarded.post("/v1/messages", {"model": "talker", "max_tokens": 4, "messages": HELLO})
    assert answer.status_code == 401 and answer.json()["error"]["type"] == "authentication_error"
    for place in (f"?api_key={token}", f"?token={token}"):
        assert guarded.get("/v1/models" + place).status_code == 401
    assert guarded.get("/v1/models", cookies={"token": token}).status_code == 401


def test_the_token_comes_before_the_body(guarded):
    with socket.create_connection(("127.0.0.1", guarded.port), timeout=20) as connection:
        connection.sendall(b"POST /api/v1/chat HTTP/1.1\r\nHost: localhost\r\nContent-Length: 50000000\r\n\r\n")
        assert connection.recv(100).startswith(b"HTTP/1.1 401")


def test_the_openai_library_sees_its_own_errors_and_repeats_nothing(guarded, token):
    asked = lambda: guarded.log.count("Received request: POST to /v1/chat/completions")
    reader = create(guarded, "--allow", "models.read")
    before = asked()
    for key, kind, code in (
        (UNKNOWN, openai.AuthenticationError, "invalid_api_key"), ("nonsense", openai.AuthenticationError, "invalid_api_key"),
        (reader, openai.PermissionDeniedError, "insufficient_permissions"),
    ):
        client = openai.OpenAI(base_url=f"{guarded.url}/v1", api_key=key, max_retries=2)
        for stream in (False, True):
            with pytest.raises(kind) as caught:
                client.chat.completions.create(model="talker", messages=HELLO, stream=stream)
            assert caught.value.code == code
    assert asked() == before + 6
    client = openai.OpenAI(base_url=f"{guarded.url}/v1", api_key=reader)
    assert {model.id for model in client.models.list()} == {"talker", "second"}
    client = openai.OpenAI(base_url=f"{guarded.url}/v1", api_key=token)
    assert client.chat.completions.create(model="talker", messages=HELLO).choices[0].message.content == "Hello there."


def test_the_anthropic_library_sees_its_own_errors_and_repeats_nothing(guarded, token):
    asked = lambda: guarded.log.count("Received request: POST to /v1/messages")
    reader = create(guarded, "--allow", "models.read")
    before = asked()
    for options in ({"api_key": None, "auth_token": UNKNOWN}, {"api_key": UNKNOWN}, {"api_key": "nonsense"}):
        client = anthropic.Anthropic(base_url=guarded.url, max_retries=2, **options)
        with pytest.raises(anthropic.AuthenticationError):
            client.messages.create(model="talker", max_tokens=30, messages=HELLO)
    client = anthropic.Anthropic(base_url=guarded.url, max_retries=2, api_key=reader)
    with pytest.raises(anthropic.PermissionDeniedError):
        client.messages.create(model="talker", max_tokens=30, messages=HELLO)
    assert asked() == before + 4
    for options in ({"api_key": None, "auth_token": token}, {"api_key": token},
                    {"auth_token": "other", "default_headers": {"x-api-key": token}}):
        client = anthropic.Anthropic(base_url=guarded.url, **options)
        assert client.messages.create(model="talker", max_tokens=30, messages=HELLO).content[0].text == "Hello there."


def test_a_request_loads_nothing_without_the_permission(guarded, token):
    asker = create(guarded, "--allow", "inference,models.read")
    body = {"model": "second", "input": "x", "store": False}
    for path, content in (
        ("/api/v1/chat", body), ("/api/v1/chat", body | {"stream": True}),
        ("/v1/chat/completions", {"model": "second", "messages": HELLO}),
        ("/v1/messages", {"model": "second", "max_tokens": 9, "messages": HELLO}),
        ("/v1/responses", {"model": "second", "input": "x"}),
    ):
        answer = guarded.post(path, content, **bearer(asker))
        assert answer.status_code == 403 and "models.load" in answer.json()["error"]["message"], answer.text
    assert guarded.get("/api/v0/models/second", **bearer(asker)).json()["state"] == "not-loaded"
    assert guarded.post("/api/v1/models/load", {"model": "second"}, **bearer(asker)).status_code == 403
    assert guarded.post("/api/v1/models/load", {"model": "second"}, **bearer(token)).status_code == 200
    assert guarded.post("/api/v1/chat", body, **bearer(asker)).status_code == 200


def test_chats_belong_to_their_token(guarded, token):
    other, operator = create(guarded), create(guarded, "--allow", "inference,chats.all")
    first = guarded.post("/api/v1/chat", {"model": "talker", "input": "mine"}, **bearer(token)).json()["response_id"]
    client = openai.OpenAI(base_url=f"{guarded.url}/v1", api_key=token)
    second = client.responses.create(model="talker", input="mine").id
    stranger = openai.OpenAI(base_url=f"{guarded.url}/v1", api_key=other, max_retries=0)
    for id in (first, second):
        refused = guarded.post("/api/v1/chat", {"model": "talker", "input": "x", "previous_response_id": id}, **bearer(other))
        assert refused.status_code == 400 and refused.json()["error"]["code"] == "previous_response_not_found"
        assert guarded.get(f"/atelier/chats/{id}", **bearer(other)).status_code == 404
        assert httpx.delete(f"{guarded.url}/atelier/chats/{id}", timeout=20, **bearer(other)).status_code == 404
        for call in (stranger.responses.retrieve, stranger.responses.delete, stranger.responses.cancel,
                     stranger.responses.input_items.list):
            with pytest.raises(openai.NotFoundError):
                call(id)
    assert guarded.get("/atelier/chats", **bearer(other)).json()["chats"] == []
    listed = lambda key: {chat["id"] for chat in guarded.get("/atelier/chats", **bearer(key)).json()["chats"]}
    assert listed(token) == listed(operator) == {first, second}
    with pytest.raises(openai.NotFoundError):
        openai.OpenAI(base_url=f"{guarded.url}/v1", api_key=operator).responses.retrieve(second)
    assert client.responses.retrieve(second).id == second
    follow = {"model": "talker", "input": "x", "previous_response_id": first}
    assert guarded.post("/api/v1/chat", follow, **bearer(token)).status_code == 200
    # The command line, as the operator.
    guarded.environment = {"LM_API_TOKEN": operator}
    try:
        assert second in guarded.run("chats", "--json").stdout
        assert guarded.run("chats", "delete", "--all", "--yes").returncode == 0
    finally:
        guarded.environment = {}
    assert listed(token) == set()


def test_wrong_tokens_are_throttled_and_the_right_one_never(fresh):
    server = fresh("--require-auth", "--set", "limits.failed_tokens=5", model=False).start()
    token = create(server)
    statuses = [server.get("/v1/models", **bearer(UNKNOWN)).status_code for _ in range(8)]
    assert statuses == [401] * 5 + [429] * 3
    answer = server.get("/api/v1/models", **bearer(UNKNOWN))
    assert answer.status_code == 429 and 1 <= int(answer.headers["retry-after"]) <= 60
    assert server.get("/v1/models", **bearer(token)).status_code == 200


def test_authentication_is_turned_on_and_off_while_the_server_runs(fresh):
    server = fresh(model=False).start()
    status = lambda **options: server.get("/v1/models", **options).status_code
    assert status() == 200 and status(**bearer("noop")) == 200
    assert server.run("config", "set", "require_auth", "true").returncode == 0
    assert status() == 401
    token = create(server)
    assert status(**bearer(token)) == 200
    # What cannot be understood changes nothing, and neither does a missing file.
    settings = server.home / "settings.json"
    for damage in (lambda: settings.write_text("{"), settings.unlink, lambda: settings.write_text('{"require_auth": "no"}')):
        damage()
        assert status() == 401 and status(**bearer(token)) == 200
    settings.write_text('{"require_auth": false}')
    assert status() == 200
    # A flag is not overruled.
    server.flags = ("--require-auth",)
    server.restart()
    assert status() == 401
    # Without tokens that can be read, nobody gets in.
    for damage in (lambda: (server.home / "tokens.json").write_text("{"), (server.home / "tokens.json").unlink):
        assert status(**bearer(token)) == 200
        kept = (server.home / "tokens.json").read_bytes()
        damage()
        assert status(**bearer(token)) == 401 and status() == 401
        (server.home / "tokens.json").write_bytes(kept)
        (server.home / "tokens.json").chmod(0o600)
    assert "API tokens cannot be read" in server.log and "There are no API tokens" in server.log


def test_the_command_line(fresh):
    server = fresh("--require-auth", model=False)
    made = json.loads(server.run("token", "create", "--name", "ci", "--allow", "inference,mcp.plugins:files", "--expires", "30d", "--json").stdout)
    assert SHAPE.fullmatch(made["token"]) and made["token"][6:14] == made["id"]
    assert made["permissions"] == ["inference", "mcp.plugins:files"] and made["expires_at"] > made["created_at"]
    file = server.home / "tokens.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600 and stat.S_IMODE(server.home.stat().st_mode) & 0o077 == 0
    secret = made["token"].split(":")[1]
    assert secret not in file.read_text()
    [entry] = json.loads(server.run("token", "list", "--json").stdout)
    assert entry == {key: value for key, value in made.items() if key != "token"} | {"last_used_at": None}
    server.start()
    assert server.get("/v1/models", **bearer(made["token"])).status_code == 403
    assert server.run("token", "edit", made["id"], "--name", "ci two", "--allow", "models.read", "--expires", "never").returncode == 0
    assert server.get("/v1/models", **bearer(made["token"])).status_code == 200
    [entry] = json.loads(server.run("token", "--json").stdout)
    assert entry["name"] == "ci two" and entry["permissions"] == ["models.read"] and entry["expires_at"] is None
    assert entry["last_used_at"] and secret not in server.run("token", "list").stdout
    # The commands' own token.
    assert server.run("ls").returncode == 1 and "LM_API_TOKEN" in server.run("ls").stderr
    for variable in ("LM_API_TOKEN", "LMSTUDIO_API_TOKEN", "ATELIER_API_TOKEN"):
        server.environment = {variable: made["token"]}
        assert server.run("ls").returncode == 0
    server.environment = {}
    assert server.run("token", "delete", made["id"]).returncode == 0
    assert server.get("/v1/models", **bearer(made["token"])).status_code == 401
    for status, arguments in (
        (1, ["delete", made["id"]]), (1, ["edit", "nothere1", "--name", "x"]), (2, ["edit", made["id"]]), (2, ["create"]),
        (2, ["create", "--name", "x", "--allow", "everything"]), (2, ["create", "--name", "x", "--expires", "2001-01-01"]),
        (1, ["create", "--name", ""]), (2, ["delete"]), (0, ["list"]), (0, ["list", "--json"]),
    ):
        assert server.run("token", *arguments).returncode == status, arguments
    assert json.loads(server.run("token", "list", "--json").stdout) == []
