"""A real MCP server of the official SDK's first major, which knows the handshake only.

    python old_sdk_server.py http|sse --port 8000
"""
import argparse

import anyio
import uvicorn
from mcp.server.fastmcp import FastMCP

from tool_journal import note, observed

server = FastMCP("older tools", log_level="ERROR")


@server.tool()
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


@server.tool(name="say.text")
def say(text: str) -> str:
    """Repeat a text."""
    note("say", text=text)
    return text


@server.tool()
async def wait(seconds: float) -> str:
    """Wait for a while."""
    note("wait begins")
    try:
        await anyio.sleep(seconds)
    except anyio.get_cancelled_exc_class():
        note("wait cancelled")
        raise
    return "waited"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("transport", choices=["http", "sse"])
    parser.add_argument("--port", type=int)
    options = parser.parse_args()
    app = server.sse_app() if options.transport == "sse" else server.streamable_http_app()
    uvicorn.run(observed(app), host="127.0.0.1", port=options.port, log_level="error")


if __name__ == "__main__":
    main()
