"""The protocol of image streams from a simulated rig: a JSON header, then pixels.

A message is the length of its header (4 bytes, big-endian), the header (a JSON object), and for a
`picture` the raw bytes of uint8 (H, W, 3) RGB. The rig sends the first message:

    hello_cameras  {protocol, names, width, height, fps}
    watch          {camera}                  from the client: the stream that it selects
    picture        {camera, seq, time_s}     then H * W * 3 bytes; only the newest, without a queue

A slow client misses images and does not delay other clients.
"""

from __future__ import annotations

import json
import math
import socket
from typing import Any

import numpy as np

from ...errors import ConnectError

PROTOCOL = 1
MAX_HEADER = 4096
MAX_EDGE = 4096
FIELDS: dict[str, dict[str, type]] = {
    "hello_cameras": {"protocol": int, "names": list, "width": int, "height": int, "fps": float},
    "watch": {"camera": str},
    "picture": {"camera": str, "seq": int, "time_s": float},
}


class StreamError(ConnectError):
    """Bytes that violate the protocol, or the end of the link."""


def encode(kind: str, pixels: np.ndarray | None = None, **fields: Any) -> bytes:
    """Encode a message."""
    header = json.dumps({"type": kind, **fields}, separators=(",", ":")).encode()
    body = b"" if pixels is None else np.ascontiguousarray(pixels).tobytes()
    return len(header).to_bytes(4, "big") + header + body


def receive(link: socket.socket, kind: str) -> dict[str, Any]:
    """Wait for a header of `kind`. Raises StreamError, TimeoutError."""
    size = int.from_bytes(read(link, 4), "big")
    if not 0 < size <= MAX_HEADER:
        raise StreamError(f"header: got {size} bytes, allowed: up to {MAX_HEADER}")
    raw = read(link, size)
    try:
        message = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise StreamError(f"header: got {raw[:40]!r}, allowed: a JSON object") from error
    row = FIELDS[kind]
    if not isinstance(message, dict) or message.get("type") != kind:
        raise StreamError(f"message: got {raw[:60]!r}, allowed: {kind}")
    for name, type_ in row.items():
        value: Any = message.get(name)
        if type(value) is not type_ or (isinstance(value, float) and not math.isfinite(value)):
            raise StreamError(f"{kind}: {name}: got {value!r:.40}, allowed: {type_.__name__}")
    return message


def read(link: socket.socket, size: int) -> bytes:
    """Read exactly `size` bytes. Raises StreamError if the link ends before."""
    buffer = bytearray(size)
    view, got = memoryview(buffer), 0
    while got < size:
        count = link.recv_into(view[got:])
        if not count:
            raise StreamError("the link has ended")
        got += count
    return bytes(buffer)
