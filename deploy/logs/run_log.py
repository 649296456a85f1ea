"""The run's log: MCAP, written by a thread so that a slow disk delays no turn of the loop."""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, BinaryIO

from mcap.writer import CompressionType, Writer

from ...contract.hand_spec import HandSpec
from ...errors import SleightError
from .log_messages import Stamped, image_message, messages_of, ros2

DEPTH = 2000
"""Records that may wait for the disk: well over a minute of them."""
FLUSH_S = 0.5
"""What is older than this is with the system: all that a kill can take."""
CHUNK_BYTES = 256 * 1024


class LogError(SleightError):
    """The log cannot be written; a run without its log is not worth its risk."""


class RunLog:
    """Append records; `check` tells the loop when the disk has failed."""

    def __init__(self, path: Path, spec: HandSpec, period_s: float) -> None:
        self._path, self._spec, self._period_s = path, spec, period_s
        self._waiting: queue.Queue[tuple[int, str, dict[str, Any]] | None] = queue.Queue(DEPTH)
        self._error = ""
        self._ended = False
        ros2()  # it takes a moment to make, which must not be the first turn's
        try:
            self._file = path.open("wb")
        except OSError as error:
            raise LogError(f"{path}: cannot be written: {error.strerror}") from error
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)
        self._thread.start()

    def write(self, event: str, **fields: Any) -> None:
        """Queue one record. Raises LogError once the disk has failed or is hopelessly slow."""
        self.check()
        try:
            self._waiting.put_nowait((time.time_ns(), event, fields))
        except queue.Full:
            self._error = f"{self._path}: the disk is too slow: {DEPTH} records wait for it"
            self.check()

    def image(self, camera: str, jpeg: bytes, age_s: float) -> None:
        """Queue one picture, `age_s` old; not when much waits for the disk. Raises LogError."""
        if self._waiting.qsize() < DEPTH // 2:
            self.write("image", camera=camera, jpeg=jpeg, age_s=age_s)

    def check(self) -> None:
        """Raises LogError with one line when something went wrong."""
        if self._error:
            raise LogError(self._error)

    def close(self) -> None:
        """Write what waits, and end. Never raises; `check` tells afterwards."""
        if self._thread.is_alive():
            self._waiting.put(None)
            self._thread.join()

    def _run(self) -> None:
        try:
            self._write_all()
        except OSError as error:
            self._error = f"{self._path}: {error.strerror}; the log ends here"
            while not self._ended and self._waiting.get() is not None:
                pass  # Nobody may block on a queue that is not read any more.
        finally:
            with contextlib.suppress(OSError):  # what its buffer still holds has failed before
                self._file.close()

    def _write_all(self) -> None:
        bag = _Bag(self._file)
        flushed_s = time.monotonic()
        while (record := self._waiting.get()) is not None:
            bag.add(self._messages(*record), record[0])
            if time.monotonic() - flushed_s > FLUSH_S:
                bag.flush()
                flushed_s = time.monotonic()
        self._ended = True
        bag.finish()

    def _messages(self, wall_ns: int, event: str, fields: dict[str, Any]) -> Iterable[Stamped]:
        if event == "image":
            return (image_message(wall_ns, **fields),)
        return messages_of(wall_ns, event, fields, self._spec, self._period_s)


class _Bag:
    """An MCAP file of ROS 2 messages."""

    def __init__(self, file: BinaryIO) -> None:
        self._channels: dict[str, int] = {}
        self._stream = _Forward(file)
        self._writer = Writer(self._stream, CHUNK_BYTES, CompressionType.ZSTD)  # type: ignore[arg-type]
        self._writer.start(profile="ros2", library="sleight")
        self._count = 0

    def add(self, messages: Iterable[Stamped], wall_ns: int) -> None:
        """Append messages; they reach the file with the next flush, or when a chunk is full."""
        for topic, kind, message in messages:
            if topic not in self._channels:
                self._channels[topic] = self._register(topic, kind)
            data = bytes(ros2().serialize_cdr(message, kind))
            self._count += 1
            self._writer.add_message(self._channels[topic], wall_ns, data, wall_ns, self._count)

    def flush(self) -> None:
        """Hand everything to the system."""
        self._writer.flush()

    def finish(self) -> None:
        """Write the index."""
        self._writer.finish()
        self._stream.flush()

    def _register(self, topic: str, kind: str) -> int:
        text, _ = ros2().generate_msgdef(kind, ros_version=2)
        schema = self._writer.register_schema(kind, "ros2msg", text.encode())
        return self._writer.register_channel(topic, "cdr", schema)


class _Forward:
    """A file that is only ever written at its end, be it one that cannot tell where that is."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._written = file, 0

    def write(self, data: bytes) -> int:
        self._written += len(data)
        return self._file.write(data)

    def tell(self) -> int:
        return self._written

    def flush(self) -> None:
        self._file.flush()
