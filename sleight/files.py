"""Atomic writing and reading of files: a reader sees the old or the new file, never a part of it.

Each file is written under a temporary name in the same folder, flushed to disk and renamed. What is
no file (a pipe, /dev/stdout) is written to, and a link stays a link.
"""

import dataclasses
import errno
import json
import os
import secrets
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from .errors import DataError, SleightError

_FULL = {errno.ENOSPC: "No space left on the disk", errno.EDQUOT: "Disk quota exceeded"}


MOST_NAME_BYTES = 200
"""Of a name of a folder; file systems take 255, and some names get an ending."""


def check_name(name: str, field: str = "name") -> None:
    """Raise ValueError unless `name` can be that of a folder or file inside another folder."""
    fits = len(name.encode(errors="surrogatepass")) <= MOST_NAME_BYTES
    if "/" in name or name in (".", "..") or not name.isprintable() or not fits:
        raise ValueError(f"{field}: got {name!r:.60}, allowed: the name of a folder, without '/'")


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path (same folder, same suffix); rename it to `path` if the block succeeds.

    The folder is created. If the block fails, the temporary file is removed and `path` does not
    change. Raises SleightError if the disk is full or the folder cannot be written.
    """
    path = Path(path)
    if _is_stream(path):
        with _copied(path) as temporary:
            yield temporary
        return
    target = Path(os.path.realpath(path)) if path.is_symlink() else path
    temporary = _temporary(target)
    _make_folder(target.parent)
    try:
        yield temporary
        _publish(temporary, target)
    except OSError as error:
        if error.errno not in _FULL:
            raise
        line = f"{path}: {_FULL[error.errno]}; the previous file is untouched"
        raise SleightError(line) from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def _temporary(path: Path) -> Path:
    return path.with_name(f".{path.stem}.{secrets.token_hex(4)}{path.suffix}")


def _is_stream(path: Path) -> bool:
    """Whether it is a device, a pipe or a socket, which a rename would replace by a file."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


@contextmanager
def _copied(path: Path) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        temporary = Path(folder, f"file{path.suffix}")
        yield temporary
        try:
            with temporary.open("rb") as source, path.open("wb") as stream:
                shutil.copyfileobj(source, stream)
        except OSError as error:
            raise SleightError(f"{path}: cannot be written: {error.strerror}") from error


def check_file(path: Path) -> None:
    """Raise SleightError when `path` cannot be written as a file; nothing is left behind.

    For what a command writes at its end: it is told before the work.
    """
    try:
        if path.is_dir():
            raise SleightError(f"got {path}, which is a folder, allowed: a file")
        if _is_stream(path):
            return
        target = Path(os.path.realpath(path)) if path.is_symlink() else path
        _probe(target.parent, _temporary(target).name)
    except OSError as error:
        raise SleightError(_cannot(path, error)) from error


def check_folder(path: Path) -> None:
    """Raise SleightError when files cannot be written into the folder `path`, which may be new."""
    try:
        _probe(path, _temporary(Path("probe")).name)
    except OSError as error:
        raise SleightError(_cannot(path, error)) from error


def _probe(folder: Path, name: str) -> None:
    """Write and remove an empty file in the nearest folder above it that exists."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    probe = folder / name
    os.close(os.open(probe, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    probe.unlink()


def _cannot(path: Path, error: OSError) -> str:
    where = Path(error.filename or path).parent
    reason = "not a folder" if where.is_file() else error.strerror
    return (
        f"got {path}, which cannot be written ({where}: {reason}),"
        " allowed: a place that can be written"
    )


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SleightError(f"{folder}: cannot be a folder to write to: {error.strerror}") from error


def _publish(temporary: Path, path: Path) -> None:
    with open(temporary, "rb+") as file:
        os.fsync(file.fileno())
    try:
        os.replace(temporary, path)
    except (IsADirectoryError, PermissionError) as error:
        raise SleightError(f"{path}: cannot be written: {error.strerror}") from error
    sync(path.parent)


def sync(path: Path) -> None:
    """Flush a file to disk, or a folder, so that a rename in it survives a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_bytes(path: str | Path, data: bytes) -> None:
    """Write `data` atomically. Raises SleightError if the file cannot be written."""
    with atomic_path(path) as temporary:
        try:
            temporary.write_bytes(data)
        except PermissionError as error:
            raise SleightError(f"{path}: cannot be written: {error.strerror}") from error


def write_text(path: str | Path, text: str) -> Path:
    """Write UTF-8 text atomically; returns the path. Raises SleightError on failure.

    A byte of a file's name that is not UTF-8 is written as its number.
    """
    write_bytes(path, text.encode(errors="backslashreplace"))
    return Path(path)


def write_json(path: str | Path, data: Any, indent: int | None = 2) -> Path:
    """Write JSON atomically; arrays, paths and dataclasses become plain values. Returns the path.

    Non-finite floats are written as NaN and Infinity; `read_json` returns them unchanged.
    """
    return write_text(path, json.dumps(data, indent=indent, default=_plain) + "\n")


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "tolist"):  # numpy and torch, without importing either
        return value.tolist()
    raise TypeError(f"{type(value).__name__} has no JSON form")


def is_utf8(path: str | Path) -> bool:
    """Whether a path is text: some libraries take no other, and say so in their own words."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return False
    return True


@contextmanager
def utf8_name(path: str | Path) -> Iterator[str]:
    """A name of a file that is there, for libraries that take none that is not UTF-8."""
    if is_utf8(path):
        yield str(path)
        return
    with open(path, "rb") as file:
        yield f"/dev/fd/{file.fileno()}"


def read_text(
    path: str | Path, error: type[SleightError] = DataError, encoding: str = "utf-8-sig"
) -> str:
    """Read UTF-8 text, with or without the byte order mark that some editors write.

    Raises `error` with one line if the file is missing or unreadable.
    """
    try:
        return Path(path).read_text(encoding=encoding)
    except FileNotFoundError as cause:
        raise error(f"{path}: no such file") from cause
    except UnicodeDecodeError as cause:
        raise error(f"{path}: not UTF-8 text (byte {cause.start})") from cause
    except OSError as cause:
        raise error(f"{path}: cannot be read: {cause.strerror}") from cause
    except ValueError as cause:  # a character that no path has
        raise error(f"{str(path)!r}: cannot be read: {cause}") from cause


def read_json(path: str | Path, error: type[SleightError] = DataError) -> Any:
    """Read JSON. Raises `error` with one line if the file is missing, truncated or invalid."""
    text = read_text(path, error)
    try:
        return json.loads(text)
    except json.JSONDecodeError as cause:
        state = "truncated JSON" if cause.pos >= len(text.rstrip()) else "invalid JSON"
        where = f"line {cause.lineno}, column {cause.colno}"
        raise error(f"{path}: {state} at {where}: {cause.msg}") from cause
    except RecursionError as cause:
        raise error(f"{path}: invalid JSON: nested too deeply") from cause
