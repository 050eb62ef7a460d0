"""Runs the load client and reads what it saw."""
import dataclasses
import json
import pathlib
import subprocess
import tempfile

CLIENT = pathlib.Path(__file__).resolve().parents[1] / ".build/release/loadclient"


@dataclasses.dataclass
class Answer:
    """One finished request; times in seconds after the run's beginning."""
    id: str
    chain: int
    sent: float
    end: float
    status: int
    failure: str | None
    tokens: list[float]  # arrival of every event that carried text
    text: str
    finish: str | None
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    body: str

    @property
    def ok(self) -> bool:
        return self.status == 200 and self.failure is None

    @property
    def first_token(self) -> float:
        """Seconds to the first token; of an answer that was not streamed, to its end."""
        return (self.tokens[0] if self.tokens else self.end) - self.sent

    @property
    def gaps(self) -> list[float]:
        return [later - earlier for earlier, later in zip(self.tokens, self.tokens[1:])]


def chat(identifier: str, model: str, messages: list[dict] | str, *, path: str = "/v1/chat/completions", stream: bool = True,
         pause: float = 0, **options) -> dict:
    """A chat request with sampling spelled out, so that both servers do the same work."""
    if isinstance(messages, str):
        messages = [{"role": "user", "content": messages}]
    body = {"model": model, "messages": messages, "stream": stream, "temperature": 0.8, "top_k": 40, "top_p": 0.95,
            "min_p": 0.05, "repeat_penalty": 1.0, "presence_penalty": 0, "frequency_penalty": 0, "seed": 7}
    if stream:
        body["stream_options"] = {"include_usage": True}
    return {"id": identifier, "path": path, "body": json.dumps(body | options), "pause": pause}


def run(port: int, chains: list[dict], concurrency: int = 0, deadline: float = 600, keep_alive: bool = True) -> tuple[list[Answer], dict]:
    """Sends the chains to a server on this machine; answers in order of their end, and what the client itself used."""
    plan = {"host": "127.0.0.1", "port": port, "concurrency": concurrency, "deadline": deadline,
            "keepAlive": keep_alive, "chains": chains}
    with tempfile.TemporaryDirectory(prefix="atelier-bench-") as folder:
        source, target = pathlib.Path(folder, "plan.json"), pathlib.Path(folder, "outcome.jsonl")
        source.write_text(json.dumps(plan))
        subprocess.run([CLIENT, source, target], check=True, timeout=deadline + 60)
        lines = [json.loads(line) for line in target.read_text(errors="replace").splitlines()]
    return [read(line) for line in lines[:-1]], lines[-1]["client"]


def read(line: dict) -> Answer:
    answer = Answer(line["id"], line["chain"], line["sent"], line["end"], line["status"], line.get("failure"),
                    [], "", None, 0, 0, 0, line["body"])
    body, start = line["body"].encode(), 0
    if line["events"]:
        for time, end in line["events"]:
            frame, start = body[start:end].decode(errors="replace"), end
            for field in frame.splitlines():
                if field.startswith("data: {"):
                    take(answer, json.loads(field[6:]), time)
                elif field.startswith("error:"):
                    answer.failure = field
    elif answer.ok:
        take(answer, json.loads(line["body"]), None)
    elif answer.failure is None:
        answer.failure = line["body"][:200]
    return answer


def take(answer: Answer, data: dict, time: float | None):
    if data.get("error"):
        answer.failure = json.dumps(data["error"])
    for choice in data.get("choices") or []:
        message = choice.get("delta") or choice.get("message") or {}
        text = (message.get("reasoning_content") or "") + (message.get("content") or choice.get("text") or "")
        if text or message.get("tool_calls"):
            answer.text += text
            if time is not None:
                answer.tokens.append(time)
        answer.finish = choice.get("finish_reason") or answer.finish
    usage = data.get("usage")
    if usage:
        answer.prompt_tokens = usage.get("prompt_tokens", 0)
        answer.completion_tokens = usage.get("completion_tokens", 0)
        answer.cached_tokens = (usage.get("prompt_tokens_details") or {}).get("cached_tokens", 0)
