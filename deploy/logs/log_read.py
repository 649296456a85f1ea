"""Reading a run's log back, up to where it was cut."""

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
"""Bytes: a longer record is a damaged length."""


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
"""What the readers of MCAP, its compression and its messages raise on bytes that are not whole."""


@dataclass(frozen=True)
class Picture:
    """One camera's picture."""

    camera: str
    wall_ns: int
    jpeg: bytes


@dataclass
class Log:
    """What a log holds."""

    path: Path
    records: list[dict[str, Any]] = field(default_factory=list)
    """Our own records in their order; `event` names the kind, `wall_ns` is when it was written."""
    pictures: list[Picture] = field(default_factory=list)
    cut: str = ""
    """Why it could not be read to its end; empty when it was whole."""

    def of(self, event: str) -> list[dict[str, Any]]:
        """The records of one kind."""
        return [record for record in self.records if record["event"] == event]

    @property
    def turns(self) -> list[dict[str, Any]]:
        """The turns of the loop."""
        return self.of("turn")


def read_log(place: str | Path, pictures: bool = False) -> Log:
    """Read a run's folder or its log; `pictures` too, which may be most of it.

    Raises DataError when nothing of it is a run's log.
    """
    path = Path(place) / LOG if Path(place).is_dir() else Path(place)
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
        why = log.cut or "it holds no records"
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
    """A message's fields; its type is made at run time."""
    return ros2().deserialize_cdr(message.data, kind)
