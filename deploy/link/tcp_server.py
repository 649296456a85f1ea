"""A listening port of a hand: non-blocking, polled by one thread of the rig or of the bridge.

States are perishable: a client that does not read is sent no newer ones until it has caught up.
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
"""A client that has not proven by then that it has the secret is turned away."""
MAX_STRANGERS = 8
"""Clients that may be about to prove it at the same time."""


@dataclass(eq=False)
class Client:
    """One connection."""

    socket: socket.socket
    address: str
    reader: FrameReader = field(default_factory=FrameReader)
    unsent: bytearray = field(default_factory=bytearray)
    closed: str = ""
    """Why it was closed; empty while it lives."""
    nonce: str = ""
    """Of the challenge that it has not answered; empty once it is admitted."""
    since_s: float = field(default_factory=time.monotonic)


class Port:
    """A port with at most `places` clients; another one gets one clear line and is turned away."""

    def __init__(
        self,
        host: str,
        port: int,
        what: str,
        places: int,
        greeting: bytes,
        secret: bytes | None = None,
    ) -> None:
        self._what, self._places, self._greeting = what, places, greeting
        self._secret = secret
        self._selector = selectors.DefaultSelector()
        self._clients: list[Client] = []
        self._strangers: list[Client] = []
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
        """The port that it listens on."""

    def poll(
        self, timeout_s: float, opened: Callable[[Client], None]
    ) -> Iterator[tuple[Client, Message]]:
        """Messages that have arrived; `opened` is called for each new client."""
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
        self._turn_away()

    def take_closed(self) -> list[Client]:
        """Clients that have gone since the last call."""
        gone = [client for client in self._clients if client.closed]
        self._clients = [client for client in self._clients if not client.closed]
        return gone

    def send(self, client: Client, frame: bytes, perishable: bool = False) -> None:
        """Send what the socket takes now, keep the rest; a perishable frame is dropped instead."""
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
        """End a connection."""
        if not client.closed:
            client.closed = why
            self._selector.unregister(client.socket)
            client.socket.close()

    def close(self) -> None:
        """End every connection and stop listening."""
        for client in (*self._clients, *self._strangers):
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
        elif len(self._strangers) >= MAX_STRANGERS:
            self.drop(client, "too many have not proven anything")
        else:
            client.nonce = new_nonce()
            self._strangers.append(client)
            self.send(client, wire.encode("challenge", protocol=wire.PROTOCOL, nonce=client.nonce))

    def _judge(self, client: Client, message: Message, opened: Callable[[Client], None]) -> None:
        """The first word of a client that was challenged."""
        assert self._secret is not None
        self._strangers.remove(client)
        nonces = client.nonce, message.get("nonce", "")
        wanted = digest(self._secret, "client", *nonces)
        if message["type"] != "proof" or not matches(message["digest"], wanted):
            line = f"{self._what}: another secret than the hand's"
            self._refuse(client, "secret", line)
            return
        client.nonce = ""
        self.send(client, wire.encode("welcome", digest=digest(self._secret, "hand", *nonces)))
        self._admit(client, opened)

    def _admit(self, client: Client, opened: Callable[[Client], None]) -> None:
        living = [other.address for other in self._clients if not other.closed]
        if len(living) >= self._places:
            others = ", ".join(living)
            line = f"{self._what} is taken by {others}; one client at a time"
            self._refuse(client, "busy", line)
            return
        self._clients.append(client)
        self.send(client, self._greeting)
        opened(client)

    def _refuse(self, client: Client, code: str, line: str) -> None:
        self.send(client, wire.encode("error", code=code, message=line))
        self.drop(client, line)

    def _turn_away(self) -> None:
        """Strangers that said nothing for too long, and those that have gone."""
        for client in self._strangers:
            if time.monotonic() - client.since_s > PROOF_S:
                self._refuse(client, "secret", f"{self._what}: no proof in time")
        self._strangers = [client for client in self._strangers if not client.closed]

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
