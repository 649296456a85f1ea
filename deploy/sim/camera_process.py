"""The simulated rig's cameras: a process that renders the state of the physics and streams it.

The process has a lower priority, so that a frame never delays a joint state. The physics writes its
state to shared memory; a frame shows the newest one. The poses and fields of view of the cameras
differ slightly from nominal, and the light differs from training: a calibration and a pose network
must cope with that. The port sends only pixels, no true poses.
"""

from __future__ import annotations

import contextlib
import functools
import multiprocessing
import os
import signal
import socket
import threading
import time
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

from ...envs.sim.model_config import ModelConfig
from ...errors import ConnectError, SleightError
from ...stop_signals import children_outlive_hang_ups
from ...threads import WatchedThread
from ...vision.config import LooksConfig
from ...vision.geometry import Pinhole, Placement
from ...vision.renders.studio import Studio
from ..cameras import picture_stream as camera_wire
from ..cameras.picture_stream import StreamError
from .sim_cameras import RigCamerasConfig, hidden_cameras, moved_board

START_S = 120.0
"""Longest wait for the renderer to open [s]."""


class SharedState:
    """The state of the physics shared by two processes without a lock (a seqlock).

    A counter is odd during a write. Neither side ever waits for the other.
    """

    def __init__(self, size: int, array: Any = None) -> None:
        context = multiprocessing.get_context("spawn")
        self.array = array if array is not None else context.RawArray("d", size + 2)
        self._values = np.frombuffer(self.array, dtype=np.float64)

    def write(self, time_s: float, values: np.ndarray) -> None:
        """Write a state (size,)."""
        self._values[0] += 1
        self._values[1], self._values[2:] = time_s, values
        self._values[0] += 1

    def read(self) -> tuple[float, np.ndarray]:
        """The newest complete state; time 0 before the first one."""
        while True:
            counter = self._values[0]
            copy = self._values.copy()
            if counter == self._values[0] == copy[0] and counter % 2 == 0:
                return float(copy[1]), copy[2:]


class RigCameras:
    """The rig's side: starts the process, writes states to it, ends it."""

    def __init__(
        self, config: RigCamerasConfig, host: str, seed: int, shown: ModelConfig, qpos: np.ndarray
    ) -> None:
        """shown: hand and object.

        Raises ConnectError when the port is taken, SleightError without a renderer.
        """
        context = multiprocessing.get_context("spawn")
        self._state = SharedState(len(qpos))
        self.write(qpos)
        ours, theirs = context.Pipe()
        self._process = context.Process(
            target=_serve,
            args=(config, host, seed, shown, self._state.array, theirs),
            name="rig cameras",
            daemon=True,
        )
        with children_outlive_hang_ups():
            self._process.start()
        theirs.close()
        self.names = tuple(config.rig.views)
        self.port = self._wait(ours)

    def write(self, qpos: np.ndarray) -> None:
        """The state that the next frame shows, (nq,)."""
        self._state.write(time.monotonic(), qpos)

    @property
    def ended(self) -> bool:
        """Whether the process has ended by itself; its clients then get no more frames."""
        return not self._process.is_alive()

    def close(self) -> None:
        """End the process."""
        self._process.terminate()
        self._process.join(2.0)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()

    def _wait(self, pipe: Connection) -> int:
        try:
            answer = pipe.recv() if pipe.poll(START_S) else "the renderer did not open in time"
        except EOFError:
            answer = "the camera process has ended"
        if isinstance(answer, int):
            return answer
        self.close()
        raise ConnectError(f"the rig's cameras: {answer}")


def _serve(
    config: RigCamerasConfig,
    host: str,
    seed: int,
    shown: ModelConfig,
    array: Any,
    pipe: Connection,
) -> None:
    """Main function of the camera process."""
    # Ctrl-C reaches the whole process group; the rig ends this process itself.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(OSError):
        os.nice(5)
    try:
        with socket.create_server((host, config.port), backlog=8) as listener:
            streams = Streams(config, listener)
            painter = _Painter(config, seed, shown)
            pipe.send(listener.getsockname()[1])
            painter.run(SharedState(0, array), streams)
    except OSError as error:
        why = error.strerror or str(error)
        pipe.send(f"cannot listen on {host}:{config.port}: {why}; choose another port, or 0")
    except SleightError as error:
        pipe.send(str(error))


class _Painter:
    """Renders the frames."""

    def __init__(self, config: RigCamerasConfig, seed: int, shown: ModelConfig) -> None:
        self._config, self._true = config, hidden_cameras(config, seed)
        self._rng = np.random.default_rng([seed, 0xF00])
        width, height = config.size
        # Drawn once and used from a random offset for each frame: new noise would cost a fifth of a
        # render.
        noise = self._rng.standard_normal(2 * 3 * width * height, np.float32)
        self._noise = np.rint(255 * config.noise * noise).astype(np.int16)
        self._shown, self._seed = shown, seed

    def run(self, state: SharedState, streams: Streams) -> None:
        """Publish a frame of each camera per period, until the rig ends."""
        rig = multiprocessing.parent_process()
        period_s = 1.0 / self._config.fps
        due_s = time.monotonic()
        with contextlib.ExitStack() as stack:
            shoot = self._board() if self._config.show != "hand" else self._hand(stack)
            while rig is None or rig.is_alive():
                time_s, qpos = state.read()
                taken_s = time.monotonic() if self._config.show != "hand" else time_s
                for name, image in zip(self._config.rig.views, shoot(qpos), strict=True):
                    streams.publish(name, self._noisy(image), taken_s)
                streams.check()
                due_s = max(due_s + period_s, time.monotonic() - period_s)
                time.sleep(max(due_s - time.monotonic(), 0.0))

    def _hand(self, stack: contextlib.ExitStack) -> Any:
        studio = stack.enter_context(Studio(self._config.rig, self._shown, self._config.size))
        looks = LooksConfig(plain_share=1.0).scaled(self._config.looks)
        studio.dress(looks, np.random.default_rng([self._seed, 0x100C]))
        for view, (at, fovy) in enumerate(
            zip(self._true.placements, self._true.fovy_deg, strict=True)
        ):
            studio.stage.place_camera(view, at, float(fovy))
        return studio.shoot

    def _board(self) -> Any:
        """Pictures of the board: in its seat, or at a new place every half second."""
        from ..calibration.board import Board  # needs OpenCV; pictures of the hand do not
        from ..cameras.camera_config import Intrinsics

        board = Board(self._config.board)
        insides = []
        for name, fovy in zip(self._config.rig.views, self._true.fovy_deg, strict=True):
            hole = Pinhole.of_fov(*self._config.size, float(fovy))
            still = (0.0, 0.0, 0.0, 0.0, 0.0)
            insides.append(
                Intrinsics(name, self._config.size, hole.focal_px, hole.centre_px, still)
            )

        def shoot(_: np.ndarray) -> list[np.ndarray]:
            images = []
            for inside, camera in zip(insides, self._true.placements, strict=True):
                at = camera.inverse().after(self._board_at(camera))
                images.append(board.draw(inside, at))
            return images

        return shoot

    def _board_at(self, camera: Placement) -> Placement:
        if self._config.show == "board":
            return self._config.board.seat
        moment = int(time.monotonic() / 0.5)
        return moved_board(self._config.board, camera, np.random.default_rng([moment, self._seed]))

    def _noisy(self, image: np.ndarray) -> np.ndarray:
        begin = self._rng.integers(image.size)
        noise = self._noise[begin : begin + image.size].reshape(image.shape)
        return np.clip(image + noise, 0, 255).astype(np.uint8)


class Streams:
    """The port: one thread per client sends the newest frame of its camera."""

    def __init__(self, config: RigCamerasConfig, listener: socket.socket) -> None:
        self._config, self._listener = config, listener
        self._news = threading.Condition()
        self._frames: dict[str, tuple[int, float, np.ndarray]] = {}
        self._listening = WatchedThread("camera streams", self._accept)
        self._listening.start()

    def publish(self, name: str, image: np.ndarray, time_s: float) -> None:
        """Publish a new frame of a camera."""
        with self._news:
            seq = self._frames[name][0] + 1 if name in self._frames else 1
            self._frames[name] = (seq, time_s, image)
            self._news.notify_all()

    def _accept(self) -> None:
        while True:
            link, _ = self._listener.accept()
            WatchedThread("camera stream", functools.partial(self._client, link)).start()

    def check(self) -> None:
        """Raise ConnectError if no client can connect any more."""
        if self._listening.failure:
            raise ConnectError(self._listening.failure)

    def _client(self, link: socket.socket) -> None:
        width, height = self._config.size
        names = list(self._config.rig.views)
        with link, contextlib.suppress(OSError, StreamError):
            link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            link.settimeout(10.0)
            hello = camera_wire.encode(
                "hello_cameras",
                protocol=camera_wire.PROTOCOL,
                names=names,
                width=width,
                height=height,
                fps=float(self._config.fps),
            )
            link.sendall(hello)
            camera = camera_wire.receive(link, "watch")["camera"]
            sent = 0
            while camera in names:
                with self._news:
                    self._news.wait_for(lambda: self._frames.get(camera, (0,))[0] != sent)  # noqa: B023
                    sent, time_s, image = self._frames[camera]
                link.sendall(
                    camera_wire.encode("picture", image, camera=camera, seq=sent, time_s=time_s)
                )
