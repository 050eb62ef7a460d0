"""Eight streams at once say exactly what each says alone: on a model whose answers have no ties."""
import concurrent.futures

import openai

from atelier_server import Server
from table_model import TableModel

SCRIPTS = {f"@script{letter}": f"Answer {letter}: " + f"{letter.lower()}{number} " * 12 for number, letter in enumerate("ABCDEFGH")}


def test_eight_parallel_greedy_streams_equal_the_same_prompts_run_alone(tmp_path):
    model = TableModel()
    for trigger, text in SCRIPTS.items():
        model.script(trigger, text)
    server = Server(model=False)
    server.add_model("tests/table/table.gguf", model.write(tmp_path / "table.gguf"))
    try:
        server.start()
        server.post("/api/v1/models/load", {"model": "table", "parallel": 8})
        client = openai.OpenAI(base_url=f"{server.url}/v1", api_key="anything", max_retries=0)

        def text(trigger: str) -> str:
            stream = client.chat.completions.create(
                model="table", messages=[{"role": "user", "content": f"Please {trigger} now"}], temperature=0,
                max_tokens=200, stream=True)
            return "".join(chunk.choices[0].delta.content or "" for chunk in stream)

        alone = [text(trigger) for trigger in SCRIPTS]
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            together = list(pool.map(text, SCRIPTS))
        assert together == alone == list(SCRIPTS.values())
    finally:
        server.remove()
