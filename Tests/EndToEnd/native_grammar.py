"""The grammar of the native stream (native.md 5.3) as a checker."""

BLOCKS = {"reasoning": "reasoning", "message": "message"}
# Members of every event beside its type. Those of calls are looked at where they are read.
MEMBERS = {
    "chat.start": {"model_instance_id"}, "chat.end": {"result"}, "error": {"error"},
    "model_load.start": {"model_instance_id"}, "model_load.progress": {"model_instance_id", "progress"},
    "model_load.end": {"model_instance_id", "load_time_seconds"},
    "prompt_processing.start": set(), "prompt_processing.progress": {"progress"}, "prompt_processing.end": set(),
    "reasoning.start": set(), "reasoning.delta": {"content"}, "reasoning.end": set(),
    "message.start": set(), "message.delta": {"content"}, "message.end": set(),
}


def call(events: list[dict], position: int) -> tuple[int, dict]:
    """One block of a tool call: where it ends, and the item it folds to."""
    start = events[position]
    if start["type"] == "tool_call.failure":
        assert set(start) == {"type", "reason", "metadata"} and start["metadata"]["type"] == "invalid_name"
        return position + 1, {"type": "invalid_tool_call", "reason": start["reason"], "metadata": start["metadata"]}
    assert start["type"] == "tool_call.start" and set(start) == {"type", "tool", "provider_info"}
    end = events[position + 1]
    if end["type"] == "tool_call.failure":
        assert end["metadata"]["type"] == "invalid_arguments"
        return position + 2, {"type": "invalid_tool_call", "reason": end["reason"], "metadata": end["metadata"]}
    assert end == start | {"type": "tool_call.arguments", "arguments": end["arguments"]} and isinstance(end["arguments"], dict)
    success = events[position + 2]
    assert success == end | {"type": "tool_call.success", "output": success["output"]} and isinstance(success["output"], str)
    return position + 3, success | {"type": "tool_call"}


def check(events: list[dict]) -> dict:
    """Asserts the grammar; returns the result of `chat.end`."""
    kinds = [event["type"] for event in events]
    assert kinds[0] == "chat.start" and kinds[-1] == "chat.end"
    assert kinds.count("chat.start") == 1 and kinds.count("chat.end") == 1 and kinds.count("error") <= 1
    if "error" in kinds:
        assert kinds[-2] == "error"
    for event in events:
        assert event["type"].startswith("tool_call.") or set(event) == MEMBERS[event["type"]] | {"type"}, event
        assert event.get("content") != "" and 0 <= event.get("progress", 0) <= 1
        assert event.get("model_instance_id", events[0]["model_instance_id"]) == events[0]["model_instance_id"]
    position = 1
    if kinds[position] == "model_load.start":
        position += 1
        progress = []
        while kinds[position] == "model_load.progress":
            progress.append(events[position]["progress"])
            position += 1
        if kinds[position] != "error":
            assert kinds[position] == "model_load.end" and progress[0] == 0 and progress[-1] == 1
            assert progress == sorted(progress)
            position += 1
    output = []
    assert kinds[position] in ("prompt_processing.start", "error", "chat.end"), "a block before the first prompt"
    while kinds[position] not in ("error", "chat.end"):
        if kinds[position] == "prompt_processing.start":
            position += 1
            progress = []
            while kinds[position] == "prompt_processing.progress":
                progress.append(events[position]["progress"])
                position += 1
            if kinds[position] == "error":
                break
            assert kinds[position] == "prompt_processing.end" and progress == sorted(progress) and progress[-1] == 1
            position += 1
        elif kinds[position].startswith("tool_call."):
            position, item = call(events, position)
            output.append(item)
        else:
            block, _, edge = kinds[position].partition(".")
            assert block in BLOCKS and edge == "start", kinds[position]
            position += 1
            text = ""
            while kinds[position] == f"{block}.delta":
                text += events[position]["content"]
                position += 1
            assert kinds[position] == f"{block}.end", kinds[position]
            position += 1
            output.append({"type": block, "content": text})
    result = events[-1]["result"]
    if "error" not in kinds:
        assert result["output"] == (output or [{"type": "message", "content": ""}])
    return result
