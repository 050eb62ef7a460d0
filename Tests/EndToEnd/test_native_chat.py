import json
import re
import signal

import native_grammar
from atelier_server import KEY

STATS = {"input_tokens", "total_output_tokens", "reasoning_output_tokens", "tokens_per_second", "time_to_first_token_seconds"}


def test_cold_stream_then_warm_stream(fresh):
    server = fresh().start()
    body = {"input": "Say hello.", "temperature": 0, "max_output_tokens": 12}
    cold = server.native_events(**body)
    result = native_grammar.check(cold)
    assert {"model_load.start", "model_load.progress", "model_load.end"} <= {event["type"] for event in cold}
    assert cold[0]["model_instance_id"] == KEY
    assert set(result["stats"]) == STATS | {"model_load_time_seconds"}

    warm = server.native_events(**body)
    warm_result = native_grammar.check(warm)
    assert not any(event["type"].startswith("model_load") for event in warm)
    assert set(warm_result["stats"]) == STATS
    assert warm_result["output"] == result["output"]
    assert warm_result["stats"]["input_tokens"] == result["stats"]["input_tokens"]


def test_plain_answer_has_exactly_the_documented_keys(server):
    answer = server.chat(input="Say hello.", temperature=0, max_output_tokens=12)
    assert set(answer) == {"model_instance_id", "output", "stats", "response_id"}
    assert answer["model_instance_id"] == KEY
    assert [item["type"] for item in answer["output"]] == ["message"]
    assert answer["output"][0]["content"]
    assert STATS <= set(answer["stats"]) <= STATS | {"model_load_time_seconds"}
    assert answer["stats"]["total_output_tokens"] <= 12 and answer["stats"]["reasoning_output_tokens"] == 0
    assert re.fullmatch(r"resp_[0-9a-f]{48}", answer["response_id"])


def test_streamed_and_plain_answers_agree(server):
    body = {"input": "List three colours.", "temperature": 0, "max_output_tokens": 24, "store": False}
    plain = server.chat(**body)
    streamed = native_grammar.check(server.native_events(**body))
    assert streamed["output"] == plain["output"]
    assert streamed["stats"]["input_tokens"] == plain["stats"]["input_tokens"]
    assert streamed["stats"]["total_output_tokens"] == plain["stats"]["total_output_tokens"]
    assert "response_id" not in plain and "response_id" not in streamed


def test_seed_makes_sampling_repeatable(server):
    body = {"input": "Tell me a story.", "temperature": 1.2, "seed": 7, "max_output_tokens": 16, "store": False}
    assert server.chat(**body)["output"] == server.chat(**body)["output"]
    other = [server.chat(**body | {"seed": seed})["output"] for seed in (8, 9)]
    assert any(output != server.chat(**body)["output"] for output in other)


def test_every_sampling_field_is_accepted(server):
    answer = server.chat(
        input="Hi", temperature=0.7, top_p=0.9, top_k=20, min_p=0.02, repeat_penalty=1.05, presence_penalty=0.1,
        frequency_penalty=0.1, seed=1, max_output_tokens=4, context_length=2048, ttl=600, store=False)
    assert answer["stats"]["total_output_tokens"] <= 4


def test_input_items_form_one_message(server):
    whole = server.chat(input="Say\nhello.", temperature=0, max_output_tokens=8, store=False)
    for kind in ("text", "message"):
        items = [{"type": kind, "content": "Say"}, {"type": kind, "content": "hello."}]
        parts = server.chat(input=items, temperature=0, max_output_tokens=8, store=False)
        assert parts["stats"]["input_tokens"] == whole["stats"]["input_tokens"]
    assert server.chat(input="", max_output_tokens=1, store=False)["output"]


def test_stateful_chat_branches_and_survives_a_restart(server):
    first = server.chat(input="My name is Ada.", temperature=0, max_output_tokens=16)
    follow = {"temperature": 0, "max_output_tokens": 16, "previous_response_id": first["response_id"]}
    left = server.chat(input="What is my name?", **follow)
    right = server.chat(input="Name a fruit.", **follow)
    assert left["response_id"] != right["response_id"]
    assert left["stats"]["input_tokens"] > first["stats"]["input_tokens"]

    server.restart(signal.SIGKILL)
    again = server.chat(input="What is my name?", **follow)
    # Not the same text: read anew, the history's last bits differ from those of the cache it was generated in.
    assert "Ada" in again["output"][0]["content"] and again["stats"]["input_tokens"] == left["stats"]["input_tokens"]
    deeper = server.chat(input="And again?", temperature=0, max_output_tokens=4, previous_response_id=left["response_id"])
    assert deeper["stats"]["input_tokens"] > left["stats"]["input_tokens"]


def test_system_prompt_of_a_continuation_replaces(server):
    first = server.chat(input="Hello", system_prompt="You are a pirate.", temperature=0, max_output_tokens=4)
    base = {"input": "Go on", "temperature": 0, "max_output_tokens": 4, "previous_response_id": first["response_id"], "store": False}
    inherited = server.chat(**base)
    same = server.chat(**base, system_prompt="You are a pirate.")
    longer = server.chat(**base, system_prompt="You are a pirate." + " Really." * 10)
    assert inherited["stats"]["input_tokens"] == same["stats"]["input_tokens"]
    assert same["stats"]["input_tokens"] < longer["stats"]["input_tokens"] < same["stats"]["input_tokens"] + 40


def test_store_false_reads_history_and_writes_nothing(server):
    first = server.chat(input="Remember seven.", temperature=0, max_output_tokens=4)
    answer = server.chat(input="What?", max_output_tokens=4, store=False, previous_response_id=first["response_id"])
    assert "response_id" not in answer
    assert answer["stats"]["input_tokens"] > first["stats"]["input_tokens"]


def test_follow_up_right_after_a_stream_end(server):
    result = native_grammar.check(server.native_events(input="Hello", max_output_tokens=4))
    server.chat(input="Go on", max_output_tokens=2, previous_response_id=result["response_id"])


def test_deltas_are_whole_characters(fresh, models_zoo):
    server = fresh(model=False).add_models(models_zoo, "talker").start()
    events = server.native_events(model="talker", input="Some @emoji please", temperature=0, store=False)
    deltas = [event["content"] for event in events if event["type"] == "message.delta"]
    # Every byte is a token of its own; what is there at the same time may come as one.
    assert "".join(deltas) == "😀🎉 – 🚀!"
    assert not any("\ufffd" in delta for delta in deltas)
