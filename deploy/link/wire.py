"""The protocol between a policy and a hand in another process: framed JSON over TCP.

A frame is the length of its body (4 bytes, big-endian) and the body: a JSON object in UTF-8 whose
`type` is a key of `MESSAGES`. Numbers are finite; unknown fields are errors. Like all modules of
the bridge (ros/bridge_archive.py), this one needs only Python 3.8 and the standard library.

The hand sends the first message: `hello`, or `error` if it is in use. A hand with a secret
(secret.py) sends `challenge`, expects `proof`, and sends `welcome` before `hello`. After that, the
policy sends `arm`, `command`, `heartbeat`, `hold`, `relax`, `stop` and `bye`; the hand sends
`state` at a steady rate, an `ack` for each `arm` and `command`, and `motors` occasionally. The
referee of a simulated hand sends `hello_referee`, `object` and `placed`, and expects `place`.
"""

from __future__ import annotations

import json
import math
from enum import Enum
from typing import Any, Dict

from ...errors import ConnectError

PROTOCOL = 2
MAX_BODY = 64 * 1024
"""Most bytes of a body; many times the longest message, `hello`."""
_HEADER = 4

Message = Dict[str, Any]


class HandMode(str, Enum):
    """The mode that the hand reports in `state` and `ack`."""

    READY = "ready"
    ARMED = "armed"
    HOLD = "hold"
    RELAXED = "relaxed"
    STOPPED = "stopped"

    __str__ = str.__str__


MESSAGES: dict[str, dict[str, str]] = {
    "hello": {
        "protocol": "int",
        "hand": "text",
        "simulated": "bool",
        "joints": "texts",
        "actuators": "texts",
        "coupling": "numbers",  # A*J, row by row
        "joint_lower": "numbers",
        "joint_upper": "numbers",
        "lower": "numbers",
        "upper": "numbers",
        "max_speed": "numbers",
        "home": "numbers",
        "state_rate_hz": "number",
        "hold_after_s": "number",
        "relax_after_s": "number",
    },
    "challenge": {"protocol": "int", "nonce": "text"},
    "proof": {"nonce": "text", "digest": "text"},
    "welcome": {"digest": "text"},
    "client": {"protocol": "int", "name": "text"},
    "state": {
        "seq": "int",
        "time_s": "number",
        "mode": "text",
        "position": "numbers",
        "velocity": "numbers",
        "effort": "numbers",
    },
    "motors": {"temperature_c": "numbers"},  # (A,), from a hand that measures it
    "arm": {"seq": "int"},
    "command": {"seq": "int", "target": "numbers", "duration_s": "number"},
    "ack": {"seq": "int", "mode": "text", "target": "numbers", "reasons": "texts"},
    "heartbeat": {"seq": "int"},
    "hold": {},
    "relax": {},
    "stop": {"reason": "text"},
    "bye": {},
    "error": {"code": "text", "message": "text"},
    "hello_referee": {"protocol": "int", "object_size_m": "number", "rate_hz": "number"},
    "object": {
        "seq": "int",
        "time_s": "number",
        "position": "numbers",  # object_to_palm, m
        "wxyz": "numbers",
        "joints": "numbers",  # inner joints of the object, rad; empty where it has none
        "joints_time_s": "number",  # when they were measured: a cube reports them at a lower rate
        "dropped": "bool",
    },
    "place": {"seq": "int"},
    "placed": {"seq": "int"},
}


class WireError(ConnectError):
    """A frame that violates the protocol."""


def encode(kind: str, **fields: Any) -> bytes:
    """Encode a message as a frame. Raises WireError if the fields are not those of `kind`."""
    message = {"type": kind, **fields}
    _check(message)
    body = json.dumps(message, separators=(",", ":"), allow_nan=False).encode()
    if len(body) > MAX_BODY:
        raise WireError(f"message {kind}: got {len(body)} bytes, allowed: up to {MAX_BODY}")
    return len(body).to_bytes(_HEADER, "big") + body


class FrameReader:
    """Decodes a stream of bytes into messages; a frame may arrive in any number of pieces."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[Message]:
        """The messages that `data` completes. After a WireError the stream is unusable."""
        self._buffer += data
        messages = []
        while len(self._buffer) >= _HEADER:
            size = int.from_bytes(self._buffer[:_HEADER], "big")
            if size > MAX_BODY:
                raise WireError(f"frame: got {size} bytes, allowed: up to {MAX_BODY}")
            if len(self._buffer) < _HEADER + size:
                break
            messages.append(decode(bytes(self._buffer[_HEADER : _HEADER + size])))
            del self._buffer[: _HEADER + size]
        return messages

    @property
    def pending(self) -> int:
        """Number of bytes of an incomplete frame."""
        return len(self._buffer)


def decode(body: bytes) -> Message:
    """Decode the body of a frame. Raises WireError."""
    try:
        message = json.loads(body.decode(), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:  # bad UTF-8, bad JSON, an endless number
        raise WireError(f"frame: got {body[:40]!r}, allowed: a JSON object in UTF-8") from error
    if not isinstance(message, dict):
        raise WireError(f"frame: got {body[:40]!r}, allowed: a JSON object")
    _check(message)
    return message


def _refuse_constant(name: str) -> float:
    raise WireError(f"frame: got the number {name}, allowed: finite numbers")


def _check(message: Message) -> None:
    kind = message.get("type")
    if not isinstance(kind, str) or kind not in MESSAGES:
        raise WireError(f"message: got type {kind!r:.60}, allowed: {', '.join(MESSAGES)}")
    row = MESSAGES[kind]
    if message.keys() - {"type"} != row.keys():
        got = ", ".join(sorted(message.keys() - {"type"}))[:200] or "none"
        raise WireError(f"message {kind}: got fields {got}, allowed: {', '.join(row) or 'none'}")
    for name, what in row.items():
        if not _IS[what](message[name]):
            raise WireError(f"message {kind}: {name}: got {message[name]!r:.60}, allowed: {what}")


def _is_number(value: Any) -> bool:
    # An int that does not fit into a float is not a valid number.
    try:
        return type(value) in (int, float) and math.isfinite(value)
    except OverflowError:
        return False


def _is_list(value: Any, test: Any) -> bool:
    return isinstance(value, (list, tuple)) and all(map(test, value))


_IS: dict[str, Any] = {
    "int": lambda value: type(value) is int,
    "number": _is_number,
    "numbers": lambda value: _is_list(value, _is_number),
    "text": lambda value: isinstance(value, str),
    "texts": lambda value: _is_list(value, lambda item: isinstance(item, str)),
    "bool": lambda value: isinstance(value, bool),
}
