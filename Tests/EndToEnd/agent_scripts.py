"""What the tiny models of the tests with agents say."""
import base64
import pathlib

from atelier_server import Server
from table_model import TableModel
from vision_model import COLOURS, ColourModel, png

MODEL = "table"
# Agents begin by thinking aloud, are thanked at the end, and are shown pictures.
LOOKING = "<think>look first</think>Looking."
THANKS = {"@thanks": "You are welcome."}
SEEN = "The picture is red."
PICTURE = base64.b64encode(png(40, 40, COLOURS["red"])).decode()
MARKUP = '<tool_call>\n{"name": "%s", "arguments": %s}\n</tool_call>'


def call(name: str, arguments: str) -> str:
    """A call as a model writes it whose template knows no tools."""
    return MARKUP % (name, arguments)


def replay_server(folder: pathlib.Path, scripts: dict[str, str]) -> Server:
    """A server, not yet started, whose model says the scripts and sees red pictures."""
    model = ColourModel().see("red", SEEN)
    for trigger, text in (scripts | THANKS).items():
        model.script(trigger, text)
    server = Server(model=False)
    server.add_model(f"tests/{MODEL}/{MODEL}.gguf", model.write(folder / "table.gguf"))
    server.add_model(f"tests/{MODEL}/mmproj-{MODEL}.gguf", model.write_projector(folder / "mmproj.gguf"))
    return server


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
    model.script("@repeat", call("say_text", '{"text": "@rain"}'))
    model.script("@refuse", call("fail", '{"reason": "there is no @rain"}'))
    model.script("@handoff", call("transfer_to_expert", "{}"))
    return model.otherwise("Nothing was asked.").write(path)
