"""The policy's end of a link: a socket, and a thread that reads its messages."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable

from ...errors import ConnectError
from ...threads import WatchedThread
from . import wire
from .secret import digest, matches, new_nonce
from .wire import FrameReader, Message, WireError


class Link:
    """One connection to a server; a reader thread calls `receive` for each message."""

    def __init__(self, host: str, port: int, what: str, secret: bytes | None = None) -> None:
        self._address = (host, port)
        self._secret = secret
        self._what = what
        self._socket: socket.socket | None = None
        self._send_lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._closing = False
        self.gone: str | None = None
        """Why the link has ended; None while it is up."""

    def open(self, timeout_s: float) -> Message:
        """Connect and return the server's first message. Raises ConnectError with one line."""
        try:
            self._socket = socket.create_connection(self._address, timeout_s)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._reader = FrameReader()
            self._early: list[Message] = []
            deadline_s = time.monotonic() + timeout_s
            return self._prove(self._first(deadline_s), deadline_s)
        except OSError as error:
            connected = self._socket is not None
            self._shut()
            why = error.strerror or "no answer in time"
            line = f"cannot connect: {why}"
            if connected and not error.strerror:
                line = (
                    f"connected, but it sent no message in {timeout_s:g} s: is it a {self._what}?"
                )
            raise ConnectError(f"{self.name}: {line}") from error

    @property
    def name(self) -> str:
        """`hand at host:port`."""
        return f"{self._what} at {self._address[0]}:{self._address[1]}"

    def start(self, receive: Callable[[Message], None], ended: Callable[[], None]) -> None:
        """Start the reader thread; it calls `ended` once when the link ends."""
        assert self._socket is not None
        self._socket.settimeout(None)

        def died(failure: str) -> None:
            self.gone = self.gone or failure
            ended()

        self._thread = WatchedThread(self._what, lambda: self._run(receive, ended), died)
        self._thread.start()

    def send(self, kind: str, **fields: object) -> bool:
        """Send one message; returns False if the link has ended. Callable from any thread."""
        frame = wire.encode(kind, **fields)
        with self._send_lock:
            if self.gone or self._socket is None:
                return False
            try:
                self._socket.sendall(frame)
            except OSError as error:
                self.gone = error.strerror or "send failed"
                return False
        return True

    def close(self, timeout_s: float) -> None:
        """Close the link; may be called twice."""
        self._closing = True
        self.gone = self.gone or "closed"
        self._shut()
        if self._thread and self._thread is not threading.current_thread():
            self._thread.join(timeout_s)

    def _prove(self, first: Message, deadline_s: float) -> Message:
        """Answer a challenge, verify that the server has the secret too; returns its hello."""
        challenged = first["type"] == "challenge"
        if challenged != (self._secret is not None):
            self._shut()
            got = "requires a secret" if challenged else "does not use the secret"
            raise ConnectError(
                f"{self.name}: {got}, allowed: the same secret file at both ends, or none"
            )
        if self._secret is None:
            return first
        hand_nonce, client_nonce = first["nonce"], new_nonce()
        proof = digest(self._secret, "client", hand_nonce, client_nonce)
        self.send("proof", nonce=client_nonce, digest=proof)
        welcome = self._first(deadline_s)
        expected = digest(self._secret, "hand", hand_nonce, client_nonce)
        if welcome["type"] != "welcome" or not matches(welcome["digest"], expected):
            self._shut()
            raise ConnectError(f"{self.name}: it does not have the secret; it may be an impostor")
        return self._first(deadline_s)

    def _first(self, deadline_s: float) -> Message:
        assert self._socket is not None
        while not self._early:
            self._socket.settimeout(max(deadline_s - time.monotonic(), 1e-3))
            data = self._socket.recv(65536)
            if not data:
                raise ConnectError(f"{self.name}: closed the link without a message")
            try:
                self._early += self._reader.feed(data)
            except WireError as error:
                raise ConnectError(f"{self.name}: speaks another protocol: {error}") from error
        first = self._early.pop(0)
        if first["type"] == "error":
            self._shut()
            raise ConnectError(f"{self.name}: refused: {first['message']}")
        return first

    def _run(self, receive: Callable[[Message], None], ended: Callable[[], None]) -> None:
        assert self._socket is not None
        messages, why = self._early, ""
        while not why:
            for message in messages:
                receive(message)
            try:
                data = self._socket.recv(65536)
                messages = self._reader.feed(data)
                why = "" if data else "it closed the link"
            except OSError as error:
                why = error.strerror or "receive failed"
            except WireError as error:
                why = str(error)
        self.gone = self.gone or why
        ended()

    def _shut(self) -> None:
        if self._socket is not None:
            # The socket may not be connected, or the other end has closed it.
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
            self._socket.close()
