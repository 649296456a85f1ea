"""Reads the log of a run; a truncated log is read as far as possible."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mcap.exceptions import McapError
from mcap.records import Channel, Footer, McapRecord, Message, Schema
from mcap.stream_reader import StreamReader
from rosbags.serde import SerdeError
from zstandard import ZstdError

from ...errors import DataError
from .log_messages import IMAGE, RECORDS, STRING, ros2

LOG = "run.mcap"
_MOST_RECORD = 64 * 1024 * 1024
"""Most bytes of a record; a longer one means a damaged length."""

_DAMAGE = (
    McapError,
    ZstdError,
    SerdeError,
    struct.error,
    ValueError,
    LookupError,
    ArithmeticError,
    MemoryError,
)
"""Errors that the readers of MCAP, compression and messages raise for damaged data."""


@dataclass(frozen=True)
class Picture:
    """A logged camera image."""

    camera: str
    wall_ns: int
    jpeg: bytes


@dataclass
class Log:
    """The contents of a log."""

    path: Path
    records: list[dict[str, Any]] = field(default_factory=list)
    """Sleight's own records in order; `event` is the kind, `wall_ns` the time of writing."""
    pictures: list[Picture] = field(default_factory=list)
    cut: str = ""
    """Why the log could not be read to its end; empty if it is complete."""

    def of(self, event: str) -> list[dict[str, Any]]:
        """The records of one kind."""
        return [record for record in self.records if record["event"] == event]

    @property
    def turns(self) -> list[dict[str, Any]]:
        """The turns (control steps) of the loop."""
        return self.of("turn")


def read_log(source: str | Path, pictures: bool = False) -> Log:
    """Read a run's folder or its log file; with `pictures` also the images, which may be large.

    Raises DataError if it contains no records of a run.
    """
    path = Path(source) / LOG if Path(source).is_dir() else Path(source)
    log = Log(path)
    try:
        with path.open("rb") as file:
            reader = StreamReader(file, validate_crcs=True, record_size_limit=_MOST_RECORD)
            _read(reader, log, pictures)
    except FileNotFoundError as error:
        raise DataError(f"{path}: no such log; allowed: a run's folder or its {LOG}") from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error
    if not log.records:
        why = log.cut or "it has no records"
        raise DataError(f"{path}: not the log of a run on a hand: {why}")
    return log


def _read(reader: StreamReader, log: Log, pictures: bool) -> None:
    channels: dict[int, tuple[str, str]] = {}
    schemas: dict[int, str] = {}
    ended = False
    try:
        for record in _records(reader):
            if isinstance(record, Schema):
                schemas[record.id] = record.name
            elif isinstance(record, Channel):
                channels[record.id] = (record.topic, schemas.get(record.schema_id, ""))
            elif isinstance(record, Message):
                _take(log, record, *channels.get(record.channel_id, ("", "")), pictures)
            ended = ended or isinstance(record, Footer)
    except _DAMAGE as error:
        log.cut = "" if ended else f"cut or damaged after {len(log.records)} records: {_why(error)}"


def _records(reader: StreamReader) -> Iterator[McapRecord]:
    yield from reader.records


def _why(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _take(log: Log, message: Message, topic: str, kind: str, pictures: bool) -> None:
    if kind == STRING and topic.startswith(RECORDS):
        text = _decode(message, kind).data
        event = topic.removeprefix(RECORDS)
        log.records.append({"event": event, "wall_ns": message.log_time, **json.loads(text)})
    elif kind == IMAGE and pictures:
        image = _decode(message, kind)
        camera = image.header.frame_id
        log.pictures.append(Picture(camera, message.log_time, image.data.tobytes()))


def _decode(message: Message, kind: str) -> Any:
    """Decode a message; its type is created at run time."""
    return ros2().deserialize_cdr(message.data, kind)
