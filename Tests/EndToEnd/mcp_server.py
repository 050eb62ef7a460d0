"""A real MCP server, written with the official SDK, as a program of its own.

    python mcp_server.py stdio
    python mcp_server.py http --port 8000 [--era handshake] [--json] [--resumable]
    python mcp_server.py sse --port 8000

The SDK's server speaks every revision; `--era handshake` makes it an older one, which knows nothing of 2026-07-28. What
happens to it is written to the file named by MCP_JOURNAL, one JSON object a line.
"""
import argparse
import os
import sys

import anyio
import uvicorn
from mcp.server.mcpserver import Context, Image, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.streamable_http import EventMessage, EventStore
from mcp_types import (
    AudioContent, BlobResourceContents, CallToolResult, EmbeddedResource, ResourceLink, TextContent, TextResourceContents, ToolAnnotations)

from tool_journal import note, observed

PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360606060000000050001a5f645400000000049454e44ae426082")

server = MCPServer("test tools", version="1.0", log_level="ERROR")


@server.tool(annotations=ToolAnnotations(title="Addition", read_only_hint=True))
def add(a: int, b: int) -> int:
    """Add two numbers."""
    note("add", a=a, b=b)
    return a + b


@server.tool(name="say.text")
def say(text: str) -> str:
    """Repeat a text."""
    note("say", text=text)
    return text


@server.tool()
def fail(reason: str) -> str:
    """Fail for a reason."""
    raise ToolError(reason)


@server.tool()
def everything() -> CallToolResult:
    """Give content of every kind."""
    return CallToolResult(
        content=[TextContent(text="text"), Image(data=PIXEL, format="png").to_image_content(),
                 ResourceLink(name="page", uri="https://example.org/page"),
                 EmbeddedResource(resource=TextResourceContents(uri="file:///note", text="a note")),
                 EmbeddedResource(resource=BlobResourceContents(uri="file:///blob", mime_type="application/x-y", blob="AAAA")),
                 AudioContent(data="AAAA", mime_type="audio/wav")],
        structured_content={"deep": {"number": 7}})


@server.tool()
async def wait(seconds: float) -> str:
    """Wait for a while."""
    note("wait begins")
    try:
        await anyio.sleep(seconds)
    except anyio.get_cancelled_exc_class():
        note("wait cancelled")
        raise
    note("wait ends")
    return "waited"


@server.tool()
async def steps(count: int, ctx: Context) -> str:
    """Report progress four times a second."""
    for step in range(count):
        await ctx.report_progress(step, count)
        await anyio.sleep(0.25)
    return "all steps"


@server.tool()
async def interrupted(ctx: Context) -> str:
    """Break the connection in the middle, where it can be gone on with."""
    await ctx.close_sse_stream()
    await anyio.sleep(0.2)
    return "went on"


@server.tool()
def headers(ctx: Context) -> dict[str, str]:
    """The request's headers."""
    return {name: value for name, value in (ctx.headers or {}).items()}


@server.tool()
def environment() -> dict[str, str]:
    """The variables of this process."""
    return dict(os.environ)


@server.tool()
def complain(text: str) -> str:
    """Write to standard error."""
    print(text, file=sys.stderr, flush=True)
    return text


@server.tool()
async def grow(ctx: Context) -> str:
    """Offer one tool more."""
    def grown() -> str:
        return "grown"

    server.add_tool(grown, description="What grew.")
    await ctx.notify_tools_changed()
    return "larger"


@server.tool()
def large(kilobytes: int) -> str:
    """Much text."""
    return "x" * (kilobytes << 10)


@server.tool()
def die() -> str:
    """End this process at once."""
    os._exit(3)


class Events(EventStore):
    """Everything said, so that a stream can be gone on with."""

    def __init__(self):
        self.events: list[tuple[str, object]] = []

    async def store_event(self, stream_id, message):
        self.events.append((stream_id, message))
        return str(len(self.events))

    async def replay_events_after(self, last_event_id, send):
        number = int(last_event_id)
        stream = self.events[number - 1][0]
        for place in range(number, len(self.events)):
            if self.events[place][0] == stream and self.events[place][1] is not None:
                await send(EventMessage(self.events[place][1], str(place + 1)))
        return stream


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("transport", choices=["stdio", "http", "sse"])
    parser.add_argument("--port", type=int)
    parser.add_argument("--era", default="any")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--resumable", action="store_true")
    options = parser.parse_args()
    if options.transport == "stdio":
        return server.run("stdio")
    if options.transport == "sse":
        app = server.sse_app()
    else:
        app = server.streamable_http_app(
            json_response=options.json, event_store=Events() if options.resumable else None,
            retry_interval=100 if options.resumable else None)
    uvicorn.run(observed(app, refuses_newer=options.era == "handshake"), host="127.0.0.1", port=options.port, log_level="error")


if __name__ == "__main__":
    main()
