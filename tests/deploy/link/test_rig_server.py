"""A client that does not read costs the hand nothing but one unsent frame."""

import socket

from sleight.deploy.link import wire
from sleight.deploy.link.tcp_server import Port

HELLO = wire.encode("hello_referee", protocol=1, object_size_m=0.05, rate_hz=100.0)
FRAME = wire.encode("stop", reason="x" * 5000)


def test_a_slow_consumer_gets_the_newest_states_and_keeps_its_commands():
    """States are dropped while it does not read, and never pile up; what it sends still arrives."""
    port, opened = Port("127.0.0.1", 0, "the hand", 1, HELLO), []
    with socket.create_connection(("127.0.0.1", port.number)) as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        while not opened:
            list(port.poll(0.1, opened.append))
        for _ in range(3000):
            port.broadcast(FRAME)
            assert len(opened[0].unsent) <= len(FRAME)
        assert opened[0].unsent, "the socket took everything: this tested nothing"
        slow.sendall(wire.encode("hold"))
        heard = []
        while not heard:
            heard = [message["type"] for _, message in port.poll(1.0, opened.append)]
        assert heard == ["hold"]
        reader, frames = wire.FrameReader(), []
        slow.settimeout(1.0)
        while len(frames) < 3:
            frames += reader.feed(slow.recv(65536))
            port.broadcast(FRAME)
        assert {frame["type"] for frame in frames} == {"hello_referee", "stop"}
    port.close()
