"""Runs functions on threads of their own, line by line, in an order that a test chooses."""

import sys
import threading
import time
from collections import Counter

from sleight.threads import attempt

PATIENCE_S = 0.01
"""A thread that has not come to its next line after this time waits for a lock."""
LIMIT_S = 30.0


class Interleaving:
    """At each line of the traced files a thread waits for its turn.

    `choices` gives the number of the thread for each turn; another one takes it if that thread has
    ended or waits for a lock. `lines` counts the turns of each thread.
    """

    def __init__(self, files, choices):
        self._files, self._choices = tuple(files), iter(choices)
        self._turn = threading.Condition()
        self._waiting = set()
        self._alive = set()
        self._running = None
        self.errors = []
        self.lines = Counter()

    def run(self, *functions):
        """Run every function to its end; raises what the first one that failed raised."""
        threads = [
            threading.Thread(target=self._work, args=(index, function), daemon=True)
            for index, function in enumerate(functions)
        ]
        self._alive = set(range(len(threads)))
        for thread in threads:
            thread.start()
        self._schedule()
        for thread in threads:
            thread.join(LIMIT_S)
            assert not thread.is_alive(), "deadlock"
        if self.errors:
            raise self.errors[0]

    def _work(self, index, function):
        def local(frame, event, argument):
            if event == "line":
                self._wait(index)
            return local

        def trace(frame, event, argument):
            return local if frame.f_code.co_filename.endswith(self._files) else None

        self._wait(index)
        sys.settrace(trace)
        error = attempt(function)
        sys.settrace(None)
        with self._turn:
            self.errors += [error] if error else []
            self._alive.discard(index)
            self._running = None
            self._turn.notify_all()

    def _wait(self, index):
        with self._turn:
            self._waiting.add(index)
            if self._running == index:
                self._running = None
            self._turn.notify_all()
            self._turn.wait_for(lambda: self._running == index)
            self._waiting.discard(index)

    def _schedule(self):
        end_s = time.monotonic() + LIMIT_S
        while time.monotonic() < end_s:
            with self._turn:
                if not self._alive:
                    return
                # Whoever runs comes to its next line, ends, or is stuck behind a lock.
                self._turn.wait_for(lambda: self._running is None, PATIENCE_S)
                ready = sorted(self._waiting & self._alive)
                if not ready:
                    self._turn.wait(PATIENCE_S)
                    continue
                wanted = next(self._choices, None)
                self._running = wanted if wanted in ready else ready[0]
                self.lines[self._running] += 1
                self._turn.notify_all()
        raise AssertionError("the threads do not come to an end")
