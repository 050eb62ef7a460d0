import httpx
import pytest

from atelier_server import KEY

NATIVE = [
    ({"input": "Hi"}, "missing_required_parameter", "model"),
    ({"model": KEY}, "missing_required_parameter", "input"),
    ({"model": KEY, "input": 5}, "invalid_union", "input"),
    ({"model": KEY, "input": []}, None, "input"),
    ({"model": KEY, "input": [{"type": "audio", "content": "x"}]}, "invalid_union", "input"),
    ({"model": KEY, "input": "Hi", "messages": []}, "unrecognized_keys", "messages"),
    ({"model": KEY, "input": "Hi", "max_tokens": 5}, "unrecognized_keys", "max_tokens"),
    ({"model": KEY, "input": "Hi", "stop": ["x"]}, "unrecognized_keys", "stop"),
    ({"model": KEY, "input": "Hi", "a": 1, "b": 2}, "unrecognized_keys", None),
    ({"model": KEY, "input": "Hi", "temperature": "hot"}, "invalid_type", "temperature"),
    ({"model": KEY, "input": "Hi", "temperature": 2.5}, "invalid_value", "temperature"),
    ({"model": KEY, "input": "Hi", "top_p": -1}, "invalid_value", "top_p"),
    ({"model": KEY, "input": "Hi", "top_k": 1.5}, None, "top_k"),
    ({"model": KEY, "input": "Hi", "max_output_tokens": 0}, "invalid_value", "max_output_tokens"),
    ({"model": KEY, "input": "Hi", "stream": "yes"}, "invalid_type", "stream"),
    ({"model": KEY, "input": "Hi", "ttl": 0}, "invalid_value", "ttl"),
    ({"model": KEY, "input": "Hi", "reasoning": "off"}, "invalid_value", "reasoning"),
    ({"model": KEY, "input": "Hi", "reasoning": "loud"}, "invalid_value", "reasoning"),
    ({"model": KEY, "input": "Hi", "previous_response_id": "abc"}, "invalid_value", "previous_response_id"),
    ({"model": KEY, "input": "Hi", "previous_response_id": "resp_" + "0" * 48}, "previous_response_not_found", "previous_response_id"),
    ({"model": KEY, "input": [{"type": "image", "data_url": "http://example.org/a.png"}]}, "invalid_image", None),
]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("body, code, param", NATIVE)
def test_native_validation(server, body, code, param, stream):
    answer = server.post("/api/v1/chat", body | ({} if "stream" in body else {"stream": stream}))
    assert answer.status_code == 400, answer.text
    assert answer.headers["content-type"].startswith("application/json")
    error = answer.json()["error"]
    assert error["type"] == "invalid_request" and error["message"]
    assert None not in error.values()
    if code:
        assert error["code"] == code
    if param:
        assert error["param"] == param


def test_native_reasoning_phrase(server):
    answer = server.post("/api/v1/chat", {"model": KEY, "input": "Hi", "reasoning": "on"})
    assert "does not expose reasoning configuration" in answer.json()["error"]["message"]


def test_native_image_on_a_text_model(server):
    png = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
    answer = server.post("/api/v1/chat", {"model": KEY, "input": [{"type": "image", "data_url": png}]})
    assert answer.status_code == 400 and answer.json()["error"]["code"] == "unsupported_modality"


@pytest.mark.parametrize("stream", [False, True])
def test_native_prompt_longer_than_the_context_names_both_numbers(server, stream):
    server.chat(input="Hi", max_output_tokens=1)
    answer = server.post("/api/v1/chat", {"model": KEY, "input": "word " * 5000, "stream": stream})
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert error["code"] == "context_length_exceeded" and error["param"] == "input"
    assert "context length" in error["message"] and "4096" in error["message"] and "50" in error["message"]


def test_unknown_model(server):
    for path, body in [("/api/v1/chat", {"model": "nobody", "input": "Hi"}),
                       ("/v1/chat/completions", {"model": "nobody", "messages": [{"role": "user", "content": "Hi"}]})]:
        answer = server.post(path, body)
        assert answer.status_code == 404 and "nobody" in answer.json()["error"]["message"]
    assert server.post("/api/v1/chat", {"model": "nobody", "input": "Hi"}).json()["error"]["type"] == "model_not_found"


@pytest.mark.parametrize("path", ["/api/v1/chat", "/v1/chat/completions", "/api/v1/models/load"])
@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"model":NaN}', b"\xff\xfe", b'{"a":1}{', b'"text"', b"[" * 5000])
def test_malformed_json(server, path, body):
    answer = httpx.post(server.url + path, content=body, timeout=10)
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]["code"] in ("invalid_json", "invalid_type")


def test_content_type_does_not_matter(server):
    body = b'{"model":"%s","input":"Hi","max_output_tokens":2}' % KEY.encode()
    for headers in ({}, {"content-type": "application/x-www-form-urlencoded"}, {"content-type": "text/plain"}):
        assert httpx.post(f"{server.url}/api/v1/chat", content=body, headers=headers, timeout=60).status_code == 200


def test_routes(server):
    assert server.get("/").json()["lmstudio_compatible"] is True
    assert server.get("/lmstudio-greeting").json() == {"lmstudio": True}
    for path in ("/api/v1/models/", "//api//v1/models", "/v1//models"):
        assert server.get(path).status_code == 200
    head = httpx.head(f"{server.url}/api/v1/models")
    assert head.status_code == 200 and head.content == b""
    for path in ("/nothing", "/api/v1/nothing", "/v1/nothing", "/chat/completions"):
        answer = server.get(path)
        assert answer.status_code == 404 and f"Unexpected endpoint or method. (GET {path})" in answer.json()["error"]["message"]
    wrong = server.get("/api/v1/chat")
    assert wrong.status_code == 405 and "POST" in wrong.headers["allow"]
    assert server.get("/v1/chat/completions").status_code == 405


def test_headers(server):
    answer = server.get("/v1/models")
    assert answer.headers["x-content-type-options"] == "nosniff" and answer.headers["x-request-id"].startswith("req_")
    assert "server" not in answer.headers


def test_a_foreign_host_or_origin_is_refused(server):
    assert server.get("/v1/models", headers={"Host": "evil.example"}).status_code in (403, 421)
    assert server.post("/api/v1/chat", {"model": KEY, "input": "Hi"}, headers={"Origin": "https://evil.example"}).status_code == 403
    assert server.get("/v1/models", headers={"Authorization": "Bearer rubbish", "x-api-key": "?"}).status_code == 200


def test_nothing_above_disturbed_the_server(server):
    assert server.chat(input="Hi", max_output_tokens=2)["output"]
    assert len(server.workers()) == 1
