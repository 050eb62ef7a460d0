"""The table models that other tests rely on say what their scripts say, through the whole house."""
import openai
import pytest

from atelier_server import Server
from table_model import TableModel

KEY = "table"
SCRIPTS = {
    "@plain": "A plain answer, with \"quotes\" and a line\nbreak.",
    "@emoji": "Split: 😀🎉 – done.",
    "@sea": "and the sea ",
}


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    model = TableModel()
    for trigger, text in SCRIPTS.items():
        model.script(trigger, text, loop=trigger == "@sea")
    file = model.otherwise("Nothing was asked.").write(tmp_path_factory.mktemp("model") / "table.gguf")
    server = Server(model=False)
    server.add_model("tests/table/table.gguf", file)
    try:
        server.start()
        yield openai.OpenAI(base_url=f"{server.url}/v1", api_key="anything", max_retries=0)
    finally:
        server.remove()


def ask(client, *contents, **options):
    messages = [{"role": ("user", "assistant")[number % 2], "content": content} for number, content in enumerate(contents)]
    return client.chat.completions.create(model=KEY, messages=messages, **{"max_tokens": 100} | options).choices[0]


@pytest.mark.parametrize("temperature", [0, 1])
def test_the_last_trigger_chooses_the_script(client, temperature):
    for trigger in ("@plain", "@emoji"):
        choice = ask(client, f"Please {trigger} now", temperature=temperature)
        assert choice.message.content == SCRIPTS[trigger] and choice.finish_reason == "stop"
    assert ask(client, "Hi", temperature=temperature).message.content == "Nothing was asked."
    history = ("First @plain please", SCRIPTS["@plain"], "and now @emoji please")
    assert ask(client, *history, temperature=temperature).message.content == SCRIPTS["@emoji"]


def test_a_loop_ends_only_at_the_limit(client):
    choice = ask(client, "@sea", temperature=0, max_tokens=60)
    assert choice.message.content == SCRIPTS["@sea"] * 5 and choice.finish_reason == "length"
