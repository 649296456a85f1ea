"""The TCP server of a hand: non-blocking, polled by one thread of the rig or the bridge.

States are perishable: a client that does not read gets no newer ones until it has caught up.
"""

from __future__ import annotations

import selectors
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from ...errors import ConnectError
from . import wire
from .secret import digest, matches, new_nonce
from .wire import FrameReader, Message, WireError

PROOF_S = 3.0
"""Time limit for a client to prove that it has the secret."""
MAX_UNPROVEN = 8
"""Most clients that have not proven yet that they have the secret."""


@dataclass(eq=False)
class Client:
    """One connection."""

    socket: socket.socket
    address: str
    reader: FrameReader = field(default_factory=FrameReader)
    unsent: bytearray = field(default_factory=bytearray)
    closed: str = ""
    """Why it was closed; empty while it is open."""
    nonce: str = ""
    """Nonce of the challenge; empty once the client is admitted."""
    since_s: float = field(default_factory=time.monotonic)


class Port:
    """A TCP port with at most `max_clients` clients; it refuses others with an error message."""

    def __init__(
        self,
        host: str,
        port: int,
        what: str,
        max_clients: int,
        greeting: bytes,
        secret: bytes | None = None,
    ) -> None:
        self._what, self._max_clients, self._greeting = what, max_clients, greeting
        self._secret = secret
        self._selector = selectors.DefaultSelector()
        self._clients: list[Client] = []
        self._unproven: list[Client] = []
        try:
            self._listener = socket.create_server((host, port), backlog=8)
        except OSError as error:
            why = error.strerror or str(error)
            raise ConnectError(
                f"{what}: cannot listen on {host}:{port}: {why};"
                " choose another port, or 0 for a free one"
            ) from error
        self._listener.setblocking(False)
        self._selector.register(self._listener, selectors.EVENT_READ)
        self.number: int = self._listener.getsockname()[1]
        """The TCP port that it listens on."""

    def poll(
        self, timeout_s: float, opened: Callable[[Client], None]
    ) -> Iterator[tuple[Client, Message]]:
        """The messages that have arrived; calls `opened` for each new client."""
        for key, _ in self._selector.select(timeout_s):
            if key.fileobj is self._listener:
                self._accept(opened)
                continue
            client: Client = key.data
            for message in self._receive(client):
                if client.nonce:
                    self._judge(client, message, opened)
                else:
                    yield client, message
                if client.closed:
                    break
        self._drop_unproven()

    def take_closed(self) -> list[Client]:
        """Clients that have disconnected since the last call."""
        closed = [client for client in self._clients if client.closed]
        self._clients = [client for client in self._clients if not client.closed]
        return closed

    def send(self, client: Client, frame: bytes, perishable: bool = False) -> None:
        """Send what the socket accepts now and keep the rest; drop a perishable frame instead."""
        if client.closed or (perishable and client.unsent):
            return
        client.unsent += frame
        self._flush(client)

    def broadcast(self, frame: bytes) -> None:
        """Send a perishable frame to every client."""
        for client in self._clients:
            self._flush(client)
            self.send(client, frame, perishable=True)

    def drop(self, client: Client, why: str) -> None:
        """Close a connection."""
        if not client.closed:
            client.closed = why
            self._selector.unregister(client.socket)
            client.socket.close()

    def close(self) -> None:
        """Close every connection and stop listening."""
        for client in (*self._clients, *self._unproven):
            self.drop(client, "the hand's side has ended")
        self._selector.unregister(self._listener)
        self._listener.close()
        self._selector.close()

    def _accept(self, opened: Callable[[Client], None]) -> None:
        connection, address = self._listener.accept()
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client = Client(connection, f"{address[0]}:{address[1]}")
        self._selector.register(connection, selectors.EVENT_READ, client)
        if self._secret is None:
            self._admit(client, opened)
        elif len(self._unproven) >= MAX_UNPROVEN:
            self.drop(client, "too many clients without proof")
        else:
            client.nonce = new_nonce()
            self._unproven.append(client)
            self.send(client, wire.encode("challenge", protocol=wire.PROTOCOL, nonce=client.nonce))

    def _judge(self, client: Client, message: Message, opened: Callable[[Client], None]) -> None:
        """Check the proof in the first message of a client; admit or refuse it."""
        assert self._secret is not None
        self._unproven.remove(client)
        nonces = client.nonce, message.get("nonce", "")
        expected = digest(self._secret, "client", *nonces)
        if message["type"] != "proof" or not matches(message["digest"], expected):
            line = f"{self._what}: the secret differs from the hand's"
            self._refuse(client, "secret", line)
            return
        client.nonce = ""
        self.send(client, wire.encode("welcome", digest=digest(self._secret, "hand", *nonces)))
        self._admit(client, opened)

    def _admit(self, client: Client, opened: Callable[[Client], None]) -> None:
        connected = [other.address for other in self._clients if not other.closed]
        if len(connected) >= self._max_clients:
            others = ", ".join(connected)
            line = f"{self._what} is in use by {others}; one client at a time"
            self._refuse(client, "busy", line)
            return
        self._clients.append(client)
        self.send(client, self._greeting)
        opened(client)

    def _refuse(self, client: Client, code: str, line: str) -> None:
        self.send(client, wire.encode("error", code=code, message=line))
        self.drop(client, line)

    def _drop_unproven(self) -> None:
        """Refuse clients without a proof in time, and forget those that have disconnected."""
        for client in self._unproven:
            if time.monotonic() - client.since_s > PROOF_S:
                self._refuse(client, "secret", f"{self._what}: no proof in time")
        self._unproven = [client for client in self._unproven if not client.closed]

    def _receive(self, client: Client) -> list[Message]:
        try:
            data = client.socket.recv(65536)
            if data:
                return client.reader.feed(data)
            self.drop(client, "closed by the client")
        except BlockingIOError:
            pass
        except WireError as error:
            self.send(client, wire.encode("error", code="protocol", message=str(error)[:300]))
            self.drop(client, str(error))
        except OSError as error:
            self.drop(client, error.strerror or "receive failed")
        return []

    def _flush(self, client: Client) -> None:
        try:
            while client.unsent:
                del client.unsent[: client.socket.send(client.unsent)]
        except BlockingIOError:
            pass
        except OSError as error:
            self.drop(client, error.strerror or "send failed")
