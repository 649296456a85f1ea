"""Writes the log of a run as MCAP, on a thread, so that a slow disk does not delay the loop."""

from __future__ import annotations

import contextlib
import queue
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, BinaryIO

from mcap.writer import CompressionType, Writer

from ...contract.hand_spec import HandSpec
from ...errors import SleightError
from ...threads import WatchedThread
from .log_messages import Stamped, channel_metadata, image_message, messages_of, ros2

DEPTH = 2000
"""Most records in the queue for the disk; more than one minute of a run."""
FLUSH_S = 0.5
"""Time between two flushes: at most this much is lost if the process is killed."""
CHUNK_BYTES = 256 * 1024


class LogError(SleightError):
    """The log cannot be written; a run does not continue without its log."""


class RunLog:
    """Appends records; `check` reports failures of the disk to the loop."""

    def __init__(self, path: Path, spec: HandSpec, period_s: float) -> None:
        self._path, self._spec, self._period_s = path, spec, period_s
        self._waiting: queue.Queue[tuple[int, str, dict[str, Any]] | None] = queue.Queue(DEPTH)
        self._error = ""
        self._ended = False
        ros2()  # create it now: it would delay the first control step
        try:
            self._file = path.open("wb")
        except OSError as error:
            raise LogError(f"{path}: cannot be written: {error.strerror}") from error
        self._thread = WatchedThread("log", self._run, self.fail)
        self._thread.start()

    def write(self, event: str, **fields: Any) -> None:
        """Queue one record. Raises LogError if the disk has failed or is too slow."""
        self.check()
        try:
            self._waiting.put_nowait((time.time_ns(), event, fields))
        except queue.Full:
            self._error = f"{self._path}: the disk is too slow: {DEPTH} records are waiting"
            self.check()

    def image(self, camera: str, jpeg: bytes, age_s: float) -> None:
        """Queue one image, `age_s` old; skip it if the queue is long. Raises LogError."""
        if self._waiting.qsize() < DEPTH // 2:
            self.write("image", camera=camera, jpeg=jpeg, age_s=age_s)

    def check(self) -> None:
        """Raises LogError with one line if something went wrong."""
        if self._error:
            raise LogError(self._error)

    def fail(self, why: str) -> None:
        """End the log: `check` and the next record raise LogError with the first reason."""
        self._error = self._error or f"{self._path}: {why}; the log ends here"

    def close(self) -> None:
        """Write the queued records and end. Never raises; `check` reports errors afterwards."""
        while self._thread.is_alive():  # it may die with a full queue
            with contextlib.suppress(queue.Full):
                self._waiting.put(None, timeout=FLUSH_S)
                self._thread.join()

    def _run(self) -> None:
        try:
            self._write_all()
        except OSError as error:
            self.fail(str(error.strerror or error))
            while not self._ended and self._waiting.get() is not None:
                pass  # Drain the queue, so that writers do not block.
        finally:
            with contextlib.suppress(OSError):  # the write of the buffer has already failed
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
        """Append messages; they are written with the next flush, or when a chunk is full."""
        for topic, kind, message in messages:
            if topic not in self._channels:
                self._channels[topic] = self._register(topic, kind)
            data = bytes(ros2().serialize_cdr(message, kind))
            self._count += 1
            self._writer.add_message(self._channels[topic], wall_ns, data, wall_ns, self._count)

    def flush(self) -> None:
        """Write all messages to the file."""
        self._writer.flush()

    def finish(self) -> None:
        """Write the index."""
        self._writer.finish()
        self._stream.flush()

    def _register(self, topic: str, kind: str) -> int:
        text, _ = ros2().generate_msgdef(kind, ros_version=2)
        schema = self._writer.register_schema(kind, "ros2msg", text.encode())
        return self._writer.register_channel(topic, "cdr", schema, channel_metadata(kind))


class _Forward:
    """An append-only file that counts its position, for files without `tell`, such as pipes."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._written = file, 0

    def write(self, data: bytes) -> int:
        self._written += len(data)
        return self._file.write(data)

    def tell(self) -> int:
        return self._written

    def flush(self) -> None:
        self._file.flush()
