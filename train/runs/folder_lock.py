"""Who works in a folder: a lock that ends with its process, however that ends."""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from pathlib import Path

from ...errors import ConfigError, SleightError

LOCK = ".lock"


class FolderLock:
    """`with FolderLock(folder): ...`: one process at a time. Raises ConfigError when taken.

    The kernel lets go when the last holder of the open file ends, also after kill -9. A child
    that inherits `descriptor` holds it too.
    """

    def __init__(self, folder: Path, name: str = LOCK) -> None:
        path = folder / name
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self.descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            line = f"{folder}: cannot be a folder to write to: {error.strerror}"
            raise SleightError(line) from error
        try:
            fcntl.flock(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(self.descriptor, 20, 0).decode(errors="replace").strip()
            os.close(self.descriptor)
            by = f" (process {holder})" if holder else ""
            raise ConfigError(
                f"{folder}: got a folder in which another process works{by}, allowed: wait for it"
            ) from error
        except OSError as error:  # a file system without locks
            os.close(self.descriptor)
            raise SleightError(f"{path}: cannot be locked: {error.strerror}") from error
        self.note(os.getpid())

    def note(self, process: int) -> None:
        """Write down who holds it; only for people, and to ask the process to stop."""
        os.ftruncate(self.descriptor, 0)
        os.pwrite(self.descriptor, f"{process}\n".encode(), 0)

    def close(self) -> None:
        """Let go; a child that inherited the lock goes on holding it."""
        with suppress(OSError):
            os.close(self.descriptor)

    def __enter__(self) -> FolderLock:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def holder(folder: Path, name: str = LOCK) -> int | None:
    """The process that works in a folder (0: unknown), or None."""
    try:
        descriptor = os.open(folder / name, os.O_RDONLY)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        text = os.pread(descriptor, 20, 0).decode(errors="replace").strip()
        return int(text) if text.isdigit() else 0
    except OSError:  # a file system without locks
        return None
    finally:
        os.close(descriptor)
    return None
