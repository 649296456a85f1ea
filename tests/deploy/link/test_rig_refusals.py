"""What a simulated rig refuses in one line, and its log on a disk that is full or slow."""

import json
import os
import socket
import threading
import time
from pathlib import Path

import pytest

from sleight.deploy.drivers.wire_driver import RigDriver
from sleight.deploy.link.hand_log import DEPTH, HandLog
from sleight.errors import ConnectError


@pytest.mark.parametrize("which", ["--port", "--referee_port"])
def test_a_port_in_use_is_one_line(rig, refused, which):
    other = {"--port": "--referee_port", "--referee_port": "--port"}[which]
    line = refused(3, "sim", which, str(rig.port), other, "0")
    assert f"cannot listen on 127.0.0.1:{rig.port}: Address already in use" in line


def test_a_rig_log_that_cannot_be_made_is_one_line(refused, tmp_path):
    line = refused(2, "sim", "--log", str(tmp_path / "no" / "log"))
    assert line == f"error: {tmp_path}/no/log: cannot be written: No such file or directory"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_hand_does_not_let_go_because_its_log_is_full():
    log = HandLog(Path("/dev/full"))
    for _ in range(3):
        log("command", seq=1)
    log.close()
    assert log.error == "/dev/full: No space left on device; the log ends at command"


def test_a_slow_disk_keeps_no_hand_waiting(tmp_path):
    """A pipe that nobody reads stands for the disk: it takes some lines, and then no more."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    log = HandLog(pipe)
    try:
        slowest_s = 0.0
        for seq in range(DEPTH + 5_000):
            started_s = time.monotonic()
            log("command", seq=seq)
            slowest_s = max(slowest_s, time.monotonic() - started_s)
        assert slowest_s < 1.0
        assert log.error.startswith(f"{pipe}: the disk is too slow; the log ends at command")
        log.close()
        first = os.read(reader, 65536).splitlines()[0]
        assert json.loads(first)["seq"] == 0
    finally:
        os.close(reader)


def test_a_link_that_speaks_another_protocol_is_turned_away(rig):
    rig.free()
    with socket.create_connection(("127.0.0.1", rig.port)) as link:
        link.sendall(b"GET / HTTP/1.1\r\n\r\n")
        link.settimeout(2.0)
        heard = b""
        while data := link.recv(65536):
            heard += data
    assert b'"code":"protocol"' in heard
    with pytest.raises(ConnectError, match="speaks another protocol|closed the link|no answer"):
        talk_to_a_web_server()


def talk_to_a_web_server():
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve():
            link, _ = server.accept()
            link.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            link.close()

        threading.Thread(target=serve, daemon=True).start()
        RigDriver("127.0.0.1", server.getsockname()[1]).connect(2.0)
