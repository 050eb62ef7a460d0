"""A server by hand, as they were before 2026: it ends when it is asked what it does not know, or says nothing (`silent`)."""
import json
import sys

for line in sys.stdin:
    message = json.loads(line)
    method, result = message.get("method"), None
    if method == "initialize":
        result = {"protocolVersion": "2024-11-05", "capabilities": {"tools": {}}, "serverInfo": {"name": "old", "version": "0"}}
    elif method == "tools/list":
        second = message.get("params", {}).get("cursor") == "2"
        names = ["c"] if second else ["a", "b"]
        result = {"tools": [{"name": name, "description": f"Tool {name}.", "inputSchema": {"type": "object"}} for name in names]}
        if not second:
            result["nextCursor"] = "2"
    elif "id" in message and sys.argv[1:] != ["silent"]:
        sys.exit("unknown method")
    if result is not None:
        print(json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": result}), flush=True)
