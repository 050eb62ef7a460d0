import pytest

from atelier_server import Server


@pytest.fixture(scope="module")
def server():
    """A running server with SmolLM2 on disk and nothing loaded; shared by the tests of a module."""
    instance = Server()
    try:
        yield instance.start()
    finally:
        instance.remove()


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
