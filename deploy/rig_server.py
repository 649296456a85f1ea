"""A listening port of the simulated rig: non-blocking, polled by the rig's one thread.

States are perishable: a client that does not read is sent no newer ones until it has caught up.
"""

from __future__ import annotations

import selectors
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from ..errors import ConnectError
from . import wire
from .wire import FrameReader, Message, WireError


@dataclass(eq=False)
class Client:
    """One connection."""

    socket: socket.socket
    address: str
    reader: FrameReader = field(default_factory=FrameReader)
    unsent: bytearray = field(default_factory=bytearray)
    closed: str = ""
    """Why it was closed; empty while it lives."""


class Port:
    """A port with at most `places` clients; another one gets one clear line and is turned away."""

    def __init__(self, host: str, port: int, what: str, places: int, greeting: bytes) -> None:
        self._what, self._places, self._greeting = what, places, greeting
        self._selector = selectors.DefaultSelector()
        self._clients: list[Client] = []
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
                yield client, message
                if client.closed:
                    break

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
        for client in self._clients:
            self.drop(client, "the rig has ended")
        self._selector.unregister(self._listener)
        self._listener.close()
        self._selector.close()

    def _accept(self, opened: Callable[[Client], None]) -> None:
        connection, address = self._listener.accept()
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client = Client(connection, f"{address[0]}:{address[1]}")
        living = [other.address for other in self._clients if not other.closed]
        if len(living) >= self._places:
            others = ", ".join(living)
            line = f"{self._what} is taken by {others}; one client at a time"
            connection.send(wire.encode("error", code="busy", message=line))
            connection.close()
            return
        self._clients.append(client)
        self._selector.register(connection, selectors.EVENT_READ, client)
        self.send(client, self._greeting)
        opened(client)

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
