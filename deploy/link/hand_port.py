"""`HandPort`: connects the TCP port of a hand with its session; one client at a time."""

from __future__ import annotations

import time

from . import wire
from .hand_session import Log, Session
from .tcp_server import Client, Port

SILENT_CLIENT_S = 10.0
"""A client is disconnected after this time without a message; its cable may be unplugged."""


class HandPort:
    """Passes messages of the client to the session, and acks of the session to the client."""

    def __init__(self, port: Port, session: Session, log: Log) -> None:
        self._port, self._session, self._log = port, session, log
        self._client: Client | None = None

    @property
    def number(self) -> int:
        """The TCP port that it listens on."""
        return self._port.number

    def serve(self, now_s: float, timeout_s: float = 0.0) -> None:
        """Handle arrived messages, waiting up to `timeout_s` for them; run the watchdog."""
        session = self._session
        for client, message in self._port.poll(timeout_s, self._opened):
            ack = session.handle(message, now_s)
            if ack is not None:
                self._port.send(client, wire.encode("ack", **ack))
            elif message["type"] == "bye":
                self._port.drop(client, "bye")
        if self._client and now_s - session.heard_s > SILENT_CLIENT_S:
            self._port.drop(self._client, f"silent for {SILENT_CLIENT_S:.0f} s")
        for client in self._port.take_closed():
            self._log("client_gone", address=client.address, why=client.closed)
            session.gone(client.closed, now_s)
            self._client = None if client is self._client else self._client
        session.watch(now_s, self._client is not None)

    def publish(self, frame: bytes) -> None:
        """Send a frame that may be lost: a slow client does not get it."""
        self._port.broadcast(frame)

    def close(self) -> None:
        """Close the link and stop listening."""
        self._port.close()

    def _opened(self, client: Client) -> None:
        self._client = client
        self._session.heard_s = time.monotonic()
        self._log("client", address=client.address)
