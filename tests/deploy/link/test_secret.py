"""The shared secret: who has it gets the hand's one place, and nobody else does."""

import socket
import threading
import time

import pytest

from sleight.deploy.link import tcp_server as rig_server
from sleight.deploy.link import wire
from sleight.deploy.link.policy_link import Link
from sleight.deploy.link.secret import digest, matches, read_secret
from sleight.deploy.link.tcp_server import Port
from sleight.deploy.sim.plant_config import RigSimConfig
from sleight.errors import ConfigError, ConnectError
from tests.deploy.conftest import end, start

SECRET = b"a secret of more than sixteen bytes"
HELLO = wire.encode("hello_referee", protocol=1, object_size_m=0.05, rate_hz=100.0)


class Server:
    """A port that is polled on a thread, with one place."""

    def __init__(self, secret):
        self.port = Port("127.0.0.1", 0, "the hand", 1, HELLO, secret)
        self.opened, self._done = [], threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self):
        while not self._done.is_set():
            list(self.port.poll(0.01, self.opened.append))
            self.port.take_closed()

    def close(self):
        self._done.set()
        self._thread.join()
        self.port.close()


@pytest.fixture
def serve():
    servers = []

    def begin(secret=SECRET):
        servers.append(Server(secret))
        return servers[-1]

    yield begin
    for server in servers:
        server.close()


def link(server, secret=SECRET):
    return Link("127.0.0.1", server.port.number, "hand", secret)


def test_who_has_the_secret_gets_the_hello(serve):
    server = serve()
    end = link(server)
    assert end.open(60)["type"] == "hello_referee"
    deadline_s = time.monotonic() + 60
    while not server.opened:
        assert time.monotonic() < deadline_s
        time.sleep(0.01)
    with pytest.raises(ConnectError, match="refused: the hand is in use by 127"):
        link(server).open(60)
    end.close(1.0)


@pytest.mark.parametrize(
    ("theirs", "ours", "line"),
    [
        (SECRET, SECRET + b"!", "refused: the hand: the secret differs from the hand's"),
        (SECRET, None, "requires a secret, allowed: the same secret file at both ends, or none"),
        (None, SECRET, "does not use the secret, allowed: the same secret file"),
    ],
)
def test_who_has_another_secret_or_none_is_turned_away(serve, theirs, ours, line):
    server = serve(theirs)
    with pytest.raises(ConnectError, match=line):
        link(server, ours).open(60)
    if theirs:
        assert server.opened == []


def test_a_hand_that_cannot_prove_that_it_has_the_secret_is_no_hand():
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def pretend():
            end, _ = listener.accept()
            end.sendall(wire.encode("challenge", protocol=1, nonce="00"))
            end.recv(4096)
            end.sendall(wire.encode("welcome", digest="00") + HELLO)
            end.recv(4096)
            end.close()

        thread = threading.Thread(target=pretend)
        thread.start()
        with pytest.raises(
            ConnectError, match="it does not have the secret; it may be an impostor"
        ):
            Link("127.0.0.1", listener.getsockname()[1], "hand", SECRET).open(60)
        thread.join()


def test_strangers_do_not_take_the_place_and_are_turned_away_in_time(serve, monkeypatch):
    monkeypatch.setattr(rig_server, "PROOF_S", 0.5)
    server = serve()
    address = ("127.0.0.1", server.port.number)
    strangers = [socket.create_connection(address) for _ in range(3)]
    end = link(server)
    assert end.open(60)["type"] == "hello_referee"
    for stranger in strangers:
        stranger.settimeout(60)
        heard = b""
        while data := stranger.recv(4096):
            heard += data
        assert b"no proof in time" in heard
        stranger.close()
    impatient = socket.create_connection(address)
    impatient.sendall(wire.encode("arm", seq=1))
    impatient.settimeout(60)
    heard = b""
    while data := impatient.recv(4096):
        heard += data
    assert b"the secret differs" in heard
    impatient.close()
    end.close(1.0)


def test_a_proof_holds_for_one_side_and_one_link():
    """Either end's proof is of no use as the other's, nor for other numbers."""
    proof = digest(SECRET, "client", "a", "b")
    others = [("hand", "a", "b"), ("client", "b", "a"), ("client", "a", "c")]
    assert matches(proof, digest(SECRET, "client", "a", "b"))
    assert not any(matches(proof, digest(SECRET, *other)) for other in others)


def test_a_secret_file_that_is_no_secret_is_one_line(tmp_path):
    path = tmp_path / "secret"
    with pytest.raises(ConfigError, match="secret: the secret cannot be read: No such file"):
        read_secret(path)
    path.write_bytes(b"short\n")
    path.chmod(0o600)
    with pytest.raises(ConfigError, match="got 5 bytes, allowed: 16 or more"):
        read_secret(path)
    path.write_bytes(SECRET + b"\n")
    assert read_secret(path) == SECRET
    path.chmod(0o644)
    with pytest.raises(ConfigError, match="got mode 644, allowed: 600"):
        read_secret(path)


@pytest.mark.parametrize(
    "host", ["0.0.0.0", "", "::", "192.168.1.20", "hand.lab", "localhost.evil"]
)
def test_a_hand_beyond_the_loopback_without_a_secret_is_refused(host, refused):
    line = refused(2, "sim", "--host", host, "--port", "0", "--referee_port", "0")
    assert f"got '{host}' without a secret, allowed: the loopback, or a secret" in line
    assert "--without_secret true lets anyone command the hand" in line
    with pytest.raises(ConfigError, match="without a secret"):
        RigSimConfig(host=host)


def test_it_is_served_with_a_secret_or_by_a_flag_of_its_own(tmp_path):
    for host in ("127.0.0.1", "127.3.2.1", "::1", "localhost"):
        RigSimConfig(host=host)
    RigSimConfig(host="0.0.0.0", secret=tmp_path / "secret")
    RigSimConfig(host="0.0.0.0", without_secret=True)


def test_the_flag_opens_the_hand_to_everyone_and_says_so(tmp_path):
    process = start("rig", "sim", "--host", "0.0.0.0", "--without_secret", "true", "--port", "0",
                    "--referee_port", "0")  # fmt: skip
    try:
        assert process.stdout.readline().startswith("rig sim: hand on 0.0.0.0:")
        assert "anyone who can reach this address can command the hand" in process.stderr.readline()
    finally:
        end(process)
