"""Several files of a folder that are replaced as one, for example the graphs of a bundle and the
manifest that holds their hashes."""

from __future__ import annotations

import ctypes
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .errors import SleightError
from .files import sync

_AT_FDCWD, _RENAME_EXCHANGE = -100, 2


@contextmanager
def replaced_together(folder: Path, last: str) -> Iterator[Path]:
    """Yield a temporary folder; if the block succeeds, the files written there get their places in
    `folder`, and what else lies in it stays.

    A process that is killed leaves all of the old or all of the new in `folder`. Where the file
    system cannot exchange two folders, or this one must stay the same one, the files are renamed
    one after the other, `last` at the end. Raises SleightError.
    """
    folder = Path(os.path.realpath(folder))
    try:
        new = _temporary(folder)
    except OSError as error:
        raise SleightError(f"{folder}: cannot be written: {error.strerror}") from error
    try:
        yield new
        try:
            _publish(new, folder, last)
        except OSError as error:
            raise SleightError(f"{folder}: cannot be written: {error.strerror}") from error
    finally:
        shutil.rmtree(new, ignore_errors=True)


def _temporary(folder: Path) -> Path:
    """A new folder beside `folder`, or inside where only that can be written."""
    name = f".{folder.name}.{secrets.token_hex(4)}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        new = folder.with_name(name)
        new.mkdir()
    except OSError:
        new = folder / name
        new.mkdir()
    return new


def _publish(new: Path, folder: Path, last: str) -> None:
    if not folder.exists():
        os.rename(new, folder)
    elif not _exchanged(new, folder, last):
        for file in sorted(new.iterdir(), key=lambda file: file.name == last):
            os.replace(file, folder / file.name)
    sync(folder)
    sync(folder.parent)


def _exchanged(new: Path, folder: Path, last: str) -> bool:
    """Put `new` in the place of `folder`, with what else lies there; False: nothing was done."""
    own = {file.name for file in new.iterdir()}
    if not _may_be_exchanged(new, folder, last):
        return False
    if _completed(new, folder, own) and exchange(new, folder):
        return True
    for path in [path for path in new.iterdir() if path.name not in own]:
        _remove(path)
    return False


def _may_be_exchanged(new: Path, folder: Path, last: str) -> bool:
    """Not where nothing is replaced, and not where a process works: its lock, its current folder.

    Nor where a folder has the name of a file, which would go with all that it holds.
    """
    inside = Path.cwd() == folder or folder in Path.cwd().parents
    busy = inside or (folder / ".lock").exists() or os.path.ismount(folder)
    hidden = any((folder / file.name).is_dir() for file in new.iterdir())
    return (folder / last).is_file() and new.parent != folder and not busy and not hidden


def _completed(new: Path, folder: Path, own: set[str]) -> bool:
    """Add what else lies in `folder`, as links to the same files; whether that can be done."""

    def ignored(path: str, names: list[str]) -> set[str]:
        return own & {*names} if Path(path) == folder else set()

    try:
        shutil.copytree(folder, new, True, ignored, os.link, dirs_exist_ok=True)
    except OSError:  # no links here, or files of somebody else
        return False
    return True


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()


def exchange(first: Path, second: Path) -> bool:
    """Exchange the names of two folders in one step; False where that is not possible."""
    try:
        rename = ctypes.CDLL(None, use_errno=True).renameat2
    except (AttributeError, OSError):  # another C library
        return False
    paths = os.fsencode(first), os.fsencode(second)
    code: int = rename(_AT_FDCWD, paths[0], _AT_FDCWD, paths[1], _RENAME_EXCHANGE)
    return code == 0
