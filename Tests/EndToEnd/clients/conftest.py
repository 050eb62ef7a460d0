"""What the clients in this folder share. They run in environments of their own (test_clients.py starts them), against a
server that is already there, and may reach nothing but it."""
import os
import socket

import pytest

MODEL = "table"
WORDS = "A plain answer: \U0001f600 \"quoted\"."
THOUGHT, AFTER = "let me see", "Thought about."
RESULT = "12 degrees and rain, so @rain it is"
ANSWER = "It rains in Oslo."
BOTH_RESULT = "12 degrees and rain, so @both-rain it is"
BOTH_ANSWER = "It rains in both."
URL = os.environ["ATELIER_URL"]

strangers: list[str] = []


def _is_loopback(host) -> bool:
    return host in (None, "", "localhost", "::1") or str(host).startswith("127.")


def _guard(original):
    def connect(self, address):
        if self.family in (socket.AF_INET, socket.AF_INET6) and not _is_loopback(address[0]):
            strangers.append(str(address))
            raise OSError(f"{address} is not this machine")
        return original(self, address)
    return connect


def _look_up(original):
    def getaddrinfo(host, *rest, **options):
        if not _is_loopback(host.decode() if isinstance(host, bytes) else host):
            strangers.append(str(host))
            raise socket.gaierror(f"{host} is not this machine")
        return original(host, *rest, **options)
    return getaddrinfo


socket.socket.connect = _guard(socket.socket.connect)
socket.socket.connect_ex = _guard(socket.socket.connect_ex)
socket.getaddrinfo = _look_up(socket.getaddrinfo)


@pytest.fixture(autouse=True)
def nobody_else_is_asked():
    yield
    assert strangers == []


def weather_of(city: str, log: list) -> str:
    """What the tool says: the model's next line hangs on it. Frameworks run several calls at once, in any order."""
    log.append(city)
    return RESULT if city == "Oslo" else BOTH_RESULT
