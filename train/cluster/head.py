"""The cluster's head: a run whose head is gone says so and ends, instead of waiting for ever.

Ray itself ends the process without a word when its head has been away for a while, and some of its
calls wait for the head and cannot be interrupted. So a thread watches, the run's own waits ask it,
and where they do not come to that, the thread ends the process.
"""

from __future__ import annotations

import os
import socket
import sys
import threading
import time

from ...errors import ConnectError

EVERY_S = 1.0
GRACE_S = 15.0
"""For the run to end by itself once the head counts as lost."""
RAY_WAITS_S = 86_400
"""What Ray is told to wait for its head, so that this thread is the one that decides."""


class HeadWatch:
    """Whether the head of this process's cluster can be reached; `lost_s`: how long it may not."""

    def __init__(self, lost_s: float) -> None:
        import ray

        self.address, self.lost_s = str(ray.get_runtime_context().gcs_address), lost_s
        self.lost = False
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="head-watch", daemon=True)
        self._thread.start()

    def check(self) -> None:
        """Raise ConnectError when the head is lost."""
        if self.lost:
            raise ConnectError(self._line())

    def close(self) -> None:
        """Stop watching."""
        self._end.set()

    def _watch(self) -> None:
        seen = time.monotonic()
        while not self._end.wait(EVERY_S):
            if answers(self.address):
                seen = time.monotonic()
            elif time.monotonic() - seen > self.lost_s:
                self.lost = True
                if not self._end.wait(GRACE_S):
                    sys.stderr.write(f"error: {self._line()}\n")
                    sys.stderr.flush()
                    os._exit(ConnectError.exit_code)
                return

    def _line(self) -> str:
        return (
            f"ray.address: the head of the cluster at {self.address} has not answered for"
            f" {self.lost_s:g} s; start it again, and go on from the last checkpoint with"
            " sleight train --resume RUN"
        )


def answers(address: str) -> bool:
    """Whether somebody listens at host:port."""
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=5.0):
            return True
    except OSError:
        return False
