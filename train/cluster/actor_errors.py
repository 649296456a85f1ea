"""What goes wrong in a process of the cluster, as this process says it; and the store between."""

from __future__ import annotations

from typing import Any

from ...errors import ConfigError, SleightError

MAX_DEATHS = 5
"""Of one process in a row, without a result between them: the machine is not to blame."""


def put(data: Any) -> Any:
    """Into the object store. Raises SleightError when it is full, and so is the disk behind it."""
    import ray

    try:
        return ray.put(data)
    except (ray.exceptions.ObjectStoreFullError, ray.exceptions.OutOfDiskError) as error:
        raise full(error) from error


def full(error: BaseException) -> SleightError:
    """The object store is full: Ray has waited, and moved to the disk what it could."""
    return SleightError(
        f"ray.store_mb: the object store is full: {str(error).strip().splitlines()[0]};"
        " allowed: a larger one, or more space under Ray's temporary folder"
    )


class PeerLost(SleightError):
    """A learner cannot reach another: not its own mistake."""


def own_error(error: Any, who: str) -> SleightError:
    """What went wrong in `who`, as one line; its traceback is the cause."""
    import ray

    cause = error.cause
    if isinstance(cause, (ray.exceptions.ObjectStoreFullError, ray.exceptions.OutOfDiskError)):
        return full(cause)
    if isinstance(cause, SleightError):
        return cause
    if isinstance(cause, ImportError):
        return ConfigError(
            f"{who}: got a machine with other code ({cause}), allowed: the version"
            " of the process that learns, on every machine"
        )
    return SleightError(f"{who}: {type(cause).__name__}: {cause}")
