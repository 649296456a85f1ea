"""`LiveCameras`: pictures of N worlds, rendered by processes that are replaced when they die."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

import numpy as np

from ...errors import SleightError
from ...stop_signals import children_outlive_hang_ups
from .render_process import READY, SharedWorlds, request, serve
from .wardrobe import LiveScene

START_S = 120.0
"""Longest wait for a renderer to open [s]."""
AHEAD = 2
"""Worlds that a process has been asked for at a time, so that it need not wait for its parent."""


@dataclass
class _Worker:
    number: int
    process: BaseProcess
    link: Connection
    ready: bool = False
    since_s: float = field(default_factory=time.monotonic)
    """When it was started or last answered."""
    asked: list[int] = field(default_factory=list)
    """Worlds that it has not answered yet, in order."""


class LiveCameras:
    """Renders worlds on request; a context manager."""

    def __init__(self, scene: LiveScene, num_worlds: int, width: int) -> None:
        """width: nq of a state. Raises SleightError if this machine cannot render."""
        self.scene = scene
        # Spawned: a forked child of a process with an OpenGL context hangs.
        self._context = multiprocessing.get_context("spawn")
        self._shared = SharedWorlds.of(num_worlds, width, scene, self._context)
        self.images = self._shared.images()
        """(N, V, S, S, 3) uint8: the last picture of each world."""
        self._qpos, self._clock = self._shared.qpos(), self._shared.times()
        self.deaths = 0
        """Processes that have died and were replaced."""
        self._workers: list[_Worker] = []
        try:
            for number in range(scene.config.workers):
                self._workers.append(self._started(number))
            for _ in self.render(np.zeros(0, np.int64), np.zeros(0), np.zeros((0, width))):
                pass
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> LiveCameras:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the processes."""
        for worker in self._workers:
            worker.process.kill()
            worker.process.join()
            worker.link.close()
        self._workers = []

    def render(self, worlds: np.ndarray, episodes: np.ndarray, qpos: np.ndarray) -> Iterator[int]:
        """Render `worlds` (K,) in the states `qpos` (K, nq); each is given as soon as it is done.

        episodes: (K,) number of each world's episode, which decides about its look. Raises
        SleightError when more processes have died than `config.restarts`.
        """
        self._qpos[worlds] = qpos
        episode_of = dict(zip(worlds.tolist(), episodes.tolist(), strict=True))
        waiting = list(episode_of)[::-1]
        left = len(waiting)
        while left or not all(worker.ready for worker in self._workers):
            for worker in self._workers:
                self._ask(worker, waiting, episode_of)
            for worker in self._heard():
                for world in self._answers(worker, waiting):
                    left -= 1
                    yield world
                self._ask(worker, waiting, episode_of)

    def share_of_renderer(self) -> float:
        """CPU time of the renderer alone, as a share of that of the processes' whole work."""
        alone, whole, _ = self._clock.sum(axis=0)
        return float(alone / whole) if whole else 1.0

    def frames(self) -> int:
        """Pictures rendered so far, of all cameras."""
        return int(self._clock[:, 2].sum()) * self.images.shape[1]

    def cpu_s(self) -> float:
        """CPU time of the processes' work so far [s]."""
        return float(self._clock[:, 1].sum())

    def _ask(self, worker: _Worker, waiting: list[int], episode_of: dict[int, int]) -> None:
        """Give the worker more to do."""
        while worker.ready and waiting and len(worker.asked) < AHEAD:
            if not worker.asked:
                worker.since_s = time.monotonic()
            world = waiting.pop()
            worker.asked.append(world)
            with suppress(OSError):  # it has died, which `_answers` finds
                worker.link.send_bytes(request(world, episode_of[world]))

    def _heard(self) -> Sequence[_Worker]:
        """The workers that have said something, have died or are late."""
        busy = [worker for worker in self._workers if worker.asked or not worker.ready]
        said = wait([worker.link for worker in busy], timeout=1.0)
        now_s = time.monotonic()
        timeout_s = self.scene.config.timeout_s
        return [
            worker
            for worker in busy
            if worker.link in said
            or now_s - worker.since_s > (timeout_s if worker.ready else max(timeout_s, START_S))
        ]

    def _answers(self, worker: _Worker, waiting: list[int]) -> Iterator[int]:
        """Worlds that it has done; what a dead worker has not done waits again."""
        said = False
        try:
            while worker.link.poll():
                message = worker.link.recv_bytes()
                worker.since_s, said = time.monotonic(), True
                if message == READY:
                    worker.ready = True
                elif message.startswith(b"error: "):
                    raise SleightError(message.removeprefix(b"error: ").decode())
                else:
                    world = int(np.frombuffer(message, np.int64)[0])
                    worker.asked.remove(world)
                    yield world
        except (EOFError, OSError):
            said = False
        if not said:
            self._replace(worker, waiting)

    def _replace(self, worker: _Worker, waiting: list[int]) -> None:
        worker.process.kill()
        worker.process.join()
        worker.link.close()
        self.deaths += 1
        if self.deaths > self.scene.config.restarts:
            code = worker.process.exitcode
            raise SleightError(
                f"rendering: a process ended with {code}; {self.deaths} died,"
                f" allowed: {self.scene.config.restarts}"
            )
        waiting += worker.asked
        self._workers[self._workers.index(worker)] = self._started(worker.number)

    def _started(self, number: int) -> _Worker:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(
            target=serve,
            args=(self.scene, self._shared, number, theirs),
            name=f"cameras {number}",
            daemon=True,
        )
        with children_outlive_hang_ups():
            process.start()
        theirs.close()
        return _Worker(number, process, ours)
