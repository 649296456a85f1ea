"""The process that renders worlds: it waits for numbers of worlds and answers with each that is
done; states and pictures are in memory that it shares with its parent."""

from __future__ import annotations

import multiprocessing
import signal
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

from ...errors import SleightError
from ..renders.render_job import averaged
from .wardrobe import LiveScene, Wardrobe

READY = b"ready"


@dataclass(frozen=True)
class SharedWorlds:
    """States and pictures of N worlds, shared by processes."""

    shape: tuple[int, ...]
    """(N, V, S, S, 3)"""
    width: int
    """nq"""
    states: Any
    pictures: Any
    clock: Any
    """Seconds of CPU time of the renderer alone, and of the whole work; number of worlds."""

    @staticmethod
    def of(worlds: int, width: int, scene: LiveScene, context: Any) -> SharedWorlds:
        """New shared memory."""
        edge = scene.cameras.image_px
        shape = (worlds, len(scene.cameras.views), edge, edge, 3)
        return SharedWorlds(
            shape,
            width,
            context.RawArray("d", worlds * width),
            context.RawArray("B", int(np.prod(shape))),
            context.RawArray("d", 3 * scene.config.workers),
        )

    def qpos(self) -> np.ndarray:
        """(N, nq) live."""
        return np.frombuffer(self.states).reshape(self.shape[0], self.width)

    def images(self) -> np.ndarray:
        """(N, V, S, S, 3) uint8, live."""
        return np.frombuffer(self.pictures, np.uint8).reshape(self.shape)

    def times(self) -> np.ndarray:
        """(workers, 3) live, see `clock`."""
        return np.frombuffer(self.clock).reshape(-1, 3)


def request(world: int, episode: int) -> bytes:
    """A message: render this world."""
    return np.array((world, episode), np.int64).tobytes()


def serve(scene: LiveScene, shared: SharedWorlds, number: int, link: Connection) -> None:
    """Main function of process `number`; it ends when its parent does."""
    # Ctrl-C reaches the whole process group; only the parent handles it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with scene.studio() as studio:
            link.send_bytes(READY)
            _render(scene, shared, number, link, Wardrobe(scene, studio))
    except SleightError as error:
        link.send_bytes(f"error: {error}".encode())
    except EOFError:
        return


def _render(
    scene: LiveScene, shared: SharedWorlds, number: int, link: Connection, wardrobe: Wardrobe
) -> None:
    qpos, images, clock = shared.qpos(), shared.images(), shared.times()[number]
    parent = multiprocessing.parent_process()
    studio, factor = wardrobe.studio, scene.config.supersample
    while parent is None or parent.is_alive():
        if not link.poll(1.0):
            continue
        message = link.recv_bytes()
        began = time.process_time()
        world, episode = np.frombuffer(message, np.int64)
        wardrobe.dress(int(world), int(episode))
        drawing = time.process_time()
        pictures = studio.shoot(qpos[world])
        drawn = time.process_time()
        images[world] = averaged(pictures, factor)
        # Before the answer: who has it may read the clock at once.
        clock += (drawn - drawing, time.process_time() - began, 1.0)
        link.send_bytes(message)
