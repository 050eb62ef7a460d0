import pathlib
import signal
import subprocess

import pytest

import zoo
from atelier_server import Server

# Whoever runs the tests in the background may ignore interrupts, and children would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)
# Run by test_clients.py, in environments of their own.
collect_ignore = ["clients"]
SCRIPTS = pathlib.Path(__file__).parents[2] / "scripts"


@pytest.fixture(scope="module")
def server():
    """A running server with SmolLM2 on disk and nothing loaded; shared by the tests of a module."""
    instance = Server()
    try:
        yield instance.start()
    finally:
        instance.remove()


@pytest.fixture(scope="session")
def models_zoo(tmp_path_factory) -> pathlib.Path:
    """A models folder of tiny models that say exact texts."""
    return zoo.build(tmp_path_factory.mktemp("zoo"))


@pytest.fixture(scope="session")
def minilm() -> pathlib.Path:
    """The embedding model's file."""
    answer = subprocess.run([SCRIPTS / "test-models.sh", "minilm"], check=True, capture_output=True, text=True)
    return pathlib.Path(answer.stdout.strip().splitlines()[-1])


@pytest.fixture
def fresh():
    """Makes servers of a test's own; they are removed at its end."""
    made = []

    def make(*flags, **options):
        made.append(Server(*flags, **options))
        return made[-1]

    yield make
    for instance in made:
        instance.remove()
