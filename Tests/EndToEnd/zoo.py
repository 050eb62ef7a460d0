"""Tiny models for odd cases, each saying exactly what its scripts say. `build` writes them all; it takes about a second."""
import pathlib

from table_model import TableModel

START, END = "<|im_start|>", "<|im_end|>"
TURNS = "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}{% endfor %}"
ANSWER = "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}"
# The usual switch, as Qwen's templates have it: thinking that is switched off is closed before it begins.
THINKER = TURNS + ANSWER + "{% if enable_thinking is defined and enable_thinking is false %}{{ '<think>\n\n</think>\n\n' }}{% endif %}{% endif %}"
ALWAYS = TURNS + ANSWER + "{{ '<think>\n' }}{% endif %}"
# Says which effort reached the template, far enough from other triggers.
EFFORT = TURNS + ANSWER + "{{ 'The effort of this answer is @effort-' + (reasoning_effort | default('none')) + ' from now on.' }}{% endif %}"
# Says how many system messages there are, and refuses more than one, as strict templates do.
COUNTER = ("{% set systems = messages | selectattr('role', 'equalto', 'system') | list %}"
           "{% if systems | length > 1 %}{{ raise_exception('only one system message') }}{% endif %}"
           + TURNS + ANSWER + "{{ 'The number of system messages is @sys' ~ (systems | length) ~ ' in this chat.' }}{% endif %}")
REFUSER = "{{ raise_exception('this template refuses') }}"

THOUGHT = ["First", " second", " third"]  # one token each
REPLY = ["Answer", " number", " one."]


def _thinker(template: str, name: str, opens: bool) -> TableModel:
    model = TableModel(template=template, controls=[START, END, "<think>", "</think>"], name=name)
    thought = (["<think>"] if opens else []) + THOUGHT + ["</think>"] + REPLY
    return model.script("@think", thought).script("</think>", "No thought.").otherwise("Nothing was asked.")


def build(folder: pathlib.Path) -> pathlib.Path:
    """Writes the files into a models folder, as `zoo/<key>/<file>`, and returns it."""
    def add(key: str, model: TableModel, *names: str, **options):
        for name in names or (f"{key}.gguf",):
            target = folder / "zoo" / key / name
            target.parent.mkdir(parents=True, exist_ok=True)
            model.write(target, **options)

    add("thinker", _thinker(THINKER, "Thinker", opens=True))
    add("always", _thinker(ALWAYS, "Always", opens=False))
    effort = TableModel(template=EFFORT, name="Effort")
    for word in ("none", "low", "medium", "high"):
        effort.script(f"@effort-{word}", f"With {word} effort.")
    add("effort", effort)
    counter = TableModel(template=COUNTER, name="Counter")
    for number in range(3):
        counter.script(f"@sys{number}", f"{number} system messages.")
    add("counter", counter)
    add("refuser", TableModel(template=REFUSER, name="Refuser"))
    # Two quantizations by name; what each says shows which one was loaded.
    for name in ("Q4_0", "Q8_0"):
        add("quants", TableModel(name="Quants").otherwise(f"I am {name}."), f"quants.{name}.gguf")
    add("split", TableModel(name="Split").otherwise("All parts are here."), shards=3)
    talker = TableModel(name="Talker").script("@sea", "and the sea ", loop=True).script("@short", "Short.")
    talker.script("@emoji", "😀🎉 – 🚀!")
    add("talker", talker.otherwise("Hello there."))
    endless = TableModel(name="Endless", context_length=65536).script("@sea", "and the sea ", loop=True)
    add("endless", endless.otherwise("Hello there."))
    add("second", TableModel(name="Second").script("@sea", "or the lake ", loop=True).otherwise("I am the second."))
    return folder
