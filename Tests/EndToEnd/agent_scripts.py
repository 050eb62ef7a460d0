"""What the tiny models of the tests with agents say."""
import pathlib

from table_model import TableModel

MARKUP = '<tool_call>\n{"name": "%s", "arguments": %s}\n</tool_call>'


def call(name: str, arguments: str) -> str:
    """A call as a model writes it whose template knows no tools."""
    return MARKUP % (name, arguments)


def clients_model(path) -> pathlib.Path:
    """The model that the clients in `clients/` talk to; what they expect stands in their conftest.py."""
    report = '{"city": "Oslo", "degrees": 12}'
    model = TableModel(context_length=16384)
    model.script("@plain", "A plain answer: \U0001f600 \"quoted\".")
    model.script("@think", "<think>let me see</think>Thought about.")
    model.script("@json", report)
    model.script("@weather", call("weather", '{"city": "Oslo"}'))
    model.script("@both", call("weather", '{"city": "Oslo"}') + "\n" + call("weather", '{"city": "Bergen"}'))
    model.script("@rain", "It rains in Oslo.")
    model.script("@both-rain", "It rains in both.")
    model.script("@report", call("Report", report))
    model.script("@result", call("final_result", report))
    model.script("@handoff", call("transfer_to_expert", "{}"))
    return model.otherwise("Nothing was asked.").write(path)
