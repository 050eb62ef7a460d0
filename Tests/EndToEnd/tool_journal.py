"""What the tool servers of the tests write down: one JSON object a line, into the file that MCP_JOURNAL names."""
import json
import os


def note(event: str, **details):
    if path := os.environ.get("MCP_JOURNAL"):
        with open(path, "a") as journal:
            journal.write(json.dumps({"event": event} | details) + "\n")


def observed(app, refuses_newer: bool = False):
    """Writes down every request. `refuses_newer`: as an older server's gate, which does not let newer revisions pass."""
    async def wrapped(scope, receive, send):
        if scope["type"] == "http":
            names = {key.decode(): value.decode() for key, value in scope["headers"]}
            note("request", method=scope["method"], path=scope["path"], version=names.get("mcp-protocol-version"),
                 session="mcp-session-id" in names, resumes=names.get("last-event-id"), name=names.get("mcp-name"))
            if refuses_newer and names.get("mcp-protocol-version", "").startswith("2026"):
                await send({"type": "http.response.start", "status": 400, "headers": []})
                await send({"type": "http.response.body", "body": b"Bad Request: Unsupported protocol version"})
                return
        await app(scope, receive, send)

    return wrapped
