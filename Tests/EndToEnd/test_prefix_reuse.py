"""Prompts are reused on a sliding-window model: cut anywhere where its cache has the full size, at checkpoints where only
windows are kept. What is said does not depend on it."""
import json
import pathlib
import subprocess

import pytest

from atelier_server import Server

GEMMA = "gemma-3-270m"
SCRIPTS = pathlib.Path(__file__).parents[2] / "scripts"
STORY = " ".join(f"On day {day} the fox walked {day * 7 % 13} miles and met {day * 5 % 11} dogs." for day in range(1, 60))


@pytest.fixture(scope="module")
def gemma():
    path = subprocess.run([SCRIPTS / "test-models.sh", "gemma"], check=True, capture_output=True, text=True).stdout
    server = Server(model=False)
    server.add_model("google/gemma-3-270m-GGUF/gemma-3-270m.Q4_K_M.gguf", pathlib.Path(path.strip().splitlines()[-1]))
    try:
        yield server.start()
    finally:
        server.remove()


def load(server: Server, context: int):
    for entry in server.get("/atelier/instances").json()["instances"]:
        server.post("/api/v1/models/unload", {"instance_id": entry["identifier"]})
    answer = server.post("/api/v1/models/load", {"model": GEMMA, "context_length": context})
    assert answer.status_code == 200, answer.text


def ask(server: Server, *contents: str) -> dict:
    """Tokens, text and prompt counts of a greedy answer to a conversation that begins with a user."""
    messages = [{"role": ("user", "assistant")[number % 2], "content": content} for number, content in enumerate(contents)]
    answer = server.post("/v1/chat/completions", {
        "model": GEMMA, "messages": messages, "temperature": 0, "repeat_penalty": 1, "max_tokens": 12, "logprobs": True,
        "top_logprobs": 2})
    assert answer.status_code == 200, answer.text
    body = answer.json()
    usage = body["usage"]
    return {"tokens": body["choices"][0]["logprobs"]["content"], "text": body["choices"][0]["message"]["content"],
            "prompt": usage["prompt_tokens"], "cached": usage["prompt_tokens_details"]["cached_tokens"]}


def assert_same(answer: dict, expected: dict):
    """The same tokens up to a tie, see test_parallel.py."""
    for before, after in zip(expected["tokens"], answer["tokens"]):
        if before["token"] != after["token"]:
            best, second = (entry["logprob"] for entry in before["top_logprobs"])
            assert best - second < 0.4 and after["token"] in [entry["token"] for entry in before["top_logprobs"]]
            break
        assert abs(before["logprob"] - after["logprob"]) < 0.5


CONVERSATIONS = [
    (f"{STORY} How many dogs were there?",),
    (f"{STORY} How many dogs were there?",),
    (f"{STORY} How far did the fox walk?",),
    (f"{STORY} How many days were there?",),
    (f"{STORY} How many dogs were there?", "There were many dogs, I think, though nobody counted.", "And how many foxes?"),
]


@pytest.mark.parametrize("context, note", [(4096, "cache of full size"), (32_768, "at checkpoints")])
def test_prompts_are_reused_and_say_the_same(gemma, context, note):
    load(gemma, context)
    assert note in gemma.log
    answers = [ask(gemma, *conversation) for conversation in CONVERSATIONS]
    full = context == 4096
    assert answers[0]["prompt"] > 1000 and answers[0]["cached"] == 0
    # The same again, all but the last tokens; then what the prompts have in common, at first as far as a checkpoint is.
    assert answers[1]["cached"] >= answers[1]["prompt"] - (1 if full else 8)
    assert answers[2]["cached"] >= answers[2]["prompt"] - (40 if full else 600)
    assert answers[3]["cached"] >= answers[3]["prompt"] - 40
    # A later turn whose answer came back with other words.
    assert answers[4]["cached"] >= answers[0]["prompt"] - 16
    assert_same(answers[1], answers[0])
    for conversation, answer in list(zip(CONVERSATIONS, answers))[2:]:
        load(gemma, context)
        expected = ask(gemma, *conversation)
        assert expected["cached"] == 0
        assert_same(answer, expected)
