"""What the server listens on: TLS and Unix sockets, and nothing beyond this machine unless told to."""
import pathlib
import shutil
import signal
import socket
import ssl
import stat
import tempfile

import httpx
import pytest

from atelier_server import Server, wait_until

TLS = pathlib.Path(__file__).parent / "tls"


class SecureServer(Server):
    """Shows the certificate of a file that tests may change."""

    def __init__(self, *flags, **options):
        super().__init__(*flags, model=False, **options)
        self.certificate, self.key = self.home / "server.crt", self.home / "server.key"
        self.show("first")
        self.flags += ("--tls-cert", str(self.certificate), "--tls-key", str(self.key))

    def show(self, name: str):
        for source, target in ((TLS / f"{name}.key", self.key), (TLS / f"{name}.crt", self.certificate)):
            shutil.copy(source, target.with_suffix(".new"))
            target.with_suffix(".new").replace(target)

    @property
    def url(self):
        return f"https://127.0.0.1:{self.port}"

    def ask(self, certificate: str, path: str = "/lmstudio-greeting") -> int | None:
        """The status; None when the server shows another certificate."""
        try:
            trusted = ssl.create_default_context(cafile=TLS / f"{certificate}.crt")
            return httpx.get(self.url + path, verify=trusted, timeout=20).status_code
        except httpx.ConnectError:
            return None

    def _answers(self):
        assert self.process.poll() is None, self.log
        return self.ask("first") == 200


@pytest.fixture
def secure():
    server = SecureServer()
    yield server
    server.remove()


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
def test_tls_with_a_certificate_that_changes(secure):
    secure.start()
    assert secure.ask("second") is None
    with httpx.Client(verify=ssl.create_default_context(cafile=TLS / "first.crt"), timeout=20) as kept:
        assert kept.get(secure.url).status_code == 200
        secure.show("second")
        assert secure.ask("second") == 200 and secure.ask("first") is None
        # A connection that stands keeps what it began with.
        assert kept.get(secure.url).status_code == 200
    assert "New connections get the new TLS certificate" in secure.log
    # What is no pair is not taken.
    secure.certificate.write_text("nonsense")
    assert secure.ask("second") == 200 and "The TLS certificate stays as it was" in secure.log
    shutil.copy(TLS / "first.crt", secure.certificate)
    assert secure.ask("second") == 200 and "does not belong to the certificate" in secure.log
    secure.show("first")
    assert secure.ask("first") == 200
    # Plain text is refused, and harms nobody.
    with socket.create_connection(("127.0.0.1", secure.port), timeout=10) as plain:
        plain.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b"HTTP/1.1 200" not in plain.recv(100)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises((httpx.ConnectError, ValueError)):
        httpx.get(secure.url, verify=context, timeout=20)
    assert secure.ask("first") == 200
    # The commands know where the server is and what it shows.
    assert secure.run("status").returncode == 0 and secure.run("ls").returncode == 0
    assert secure.run("server", "status").returncode == 0


def test_half_a_pair_or_none_does_not_start(secure):
    for flags in (["--tls-cert", str(TLS / "first.crt")], ["--tls-key", str(TLS / "first.key")],
                  ["--tls-cert", str(TLS / "first.crt"), "--tls-key", str(TLS / "second.key")],
                  ["--tls-cert", "/nowhere", "--tls-key", str(TLS / "first.key")]):
        done = secure.run("serve", "--port", "0", *flags)
        assert done.returncode == 1 and "TLS" in done.stderr, done.stderr
        assert "BEGIN" not in done.stderr + done.stdout


class SocketServer(Server):
    def __init__(self, path: pathlib.Path):
        super().__init__("--socket", str(path), model=False)
        self.path = path

    def ask(self, path: str, **options) -> httpx.Response:
        with httpx.Client(transport=httpx.HTTPTransport(uds=str(self.path)), timeout=20) as client:
            return client.get(f"http://localhost{path}", **options)

    def _answers(self):
        assert self.process.poll() is None, self.log
        try:
            return self.ask("/lmstudio-greeting").status_code == 200
        except httpx.ConnectError:
            return False


@pytest.fixture
def folder():
    # Short: a socket's path has few bytes.
    path = pathlib.Path(tempfile.mkdtemp(prefix="at-", dir="/tmp"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


def test_a_unix_socket_is_its_owners_alone(folder):
    server = SocketServer(folder / "s")
    try:
        server.start()
        mode = server.path.stat().st_mode
        assert stat.S_ISSOCK(mode) and stat.S_IMODE(mode) == 0o600
        assert server.ask("/v1/models").status_code == 200
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", server.port)) != 0
        for command in (["ls"], ["status"], ["server", "status"]):
            assert server.run(*command).returncode == 0, command
        # A second one says so and takes nothing away.
        other = Server(model=False)
        done = other.run("serve", "--socket", str(server.path))
        other.remove()
        assert done.returncode == 1 and "Another server listens" in done.stderr
        assert server.ask("/v1/models").status_code == 200
        # What a killed one leaves is no obstacle; what is no socket is left alone.
        server.stop(signal.SIGKILL)
        assert server.path.exists()
        server.start()
        assert server.ask("/v1/models").status_code == 200
        assert server.stop() == 0
        wait_until(lambda: not server.path.exists(), 20, "the socket's end")
        server.path.write_text("mine")
        done = server.run("serve", "--socket", str(server.path))
        assert done.returncode == 1 and "no socket" in done.stderr and server.path.read_text() == "mine"
    finally:
        server.remove()


def test_listening_beyond_this_machine_needs_tokens_or_a_word(fresh):
    server = fresh(model=False)
    for host in ("0.0.0.0", "::", "192.0.2.1"):
        done = server.run("serve", "--port", "0", "--host", host)
        assert done.returncode == 1 and "--insecure" in done.stderr
        assert "listening on" not in done.stdout
