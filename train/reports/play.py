"""`sleight play`: shows a policy as a video, in MuJoCo's viewer, or in a browser."""

from __future__ import annotations

import io
import os
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import imageio.v3 as imageio
import numpy as np
import torch

from ...envs.env import HandEnv, Observation
from ...envs.gym import size_scale
from ...envs.make import make_env
from ...envs.rendering.goal_picture import GoalPicture
from ...envs.rendering.renderer import GoalPose, HandRenderer, camera_for
from ...errors import SleightError
from ..rollout.evaluation import FRESH, at_task, protocol
from ..rollout.eyes import eyes_of
from ..rollout.players import Player
from .video import record

PAGE = b"""<!doctype html>
<meta charset=utf-8><title>sleight play</title>
<style>body{margin:0;background:#f4f4f2;display:grid;place-items:center;height:100vh}
img{max-width:96vw;max-height:96vh;border-radius:8px}</style>
<img src=stream alt="the hand, live">"""


def open_stage(
    player: Player, values: dict[str, float], seed: int, task: str = "", **fields: str
) -> HandEnv:
    """One new world with the papers' goals; task, fields: see `at_task`."""
    config = replace(protocol(player.env_config, 1, values), threads=1)
    if task:
        config = at_task(config, player, task, **fields)
    config = replace(config, resets=replace(config.resets, cache=64))
    eyes = eyes_of(player.config.cameras, config, seed)
    return make_env(config, seed + FRESH, cache_seed=seed + FRESH, eyes=eyes)


def record_video(player: Player, env: HandEnv, path: Path, seconds: float, speed: int = 1) -> Path:
    """Write an MP4 or a GIF of so many seconds of the hand's time; speed 1 is real time."""
    player.start(env)

    def act(observation: Observation, starts: torch.Tensor) -> torch.Tensor:
        return player.act(env, observation, starts)

    return record(env, act, max(1, round(seconds / env.config.period_s)), path, every=speed)


def live(player: Player, env: HandEnv, show: Callable[[np.ndarray, GoalPicture], bool]) -> None:
    """Run the policy in real time until `show(qpos, goal)` returns False."""
    observation, _ = env.reset()
    player.start(env)
    starts = torch.ones(1, dtype=torch.bool, device=env.device)
    due = time.monotonic()
    while True:
        if not show(env.sim.state("qpos")[0].cpu().numpy(), env.task.picture(0)):
            return
        observation, _, terminated, truncated, _ = env.step(player.act(env, observation, starts))
        starts = terminated | truncated
        due = max(due + env.config.period_s, time.monotonic() - env.config.period_s)
        time.sleep(max(0.0, due - time.monotonic()))


def window(player: Player, env: HandEnv) -> None:
    """Show the policy in MuJoCo's viewer. Raises SleightError without a screen."""
    if sys.platform == "linux" and not ({"DISPLAY", "WAYLAND_DISPLAY"} & set(os.environ)):
        # Checked first: without a screen the viewer's library ends the process.
        raise SleightError("play: got no screen, allowed without one: --browser or --video FILE")
    import mujoco
    import mujoco.viewer

    from ...envs.sim.model import build_model

    model = build_model(replace(env.config.model, visual=True))
    data = mujoco.MjData(model)

    pose = GoalPose(model, env.config.model)

    def show(qpos: np.ndarray, goal: GoalPicture) -> bool:
        data.qpos[: len(qpos)] = qpos
        pose.put(data, goal)
        mujoco.mj_forward(model, data)
        viewer.sync()
        return bool(viewer.is_running())

    with mujoco.viewer.launch_passive(model, data) as viewer:
        live(player, env, show)


class Stream:
    """A web page on the loopback that shows the newest picture, as motion JPEG."""

    def __init__(self, port: int) -> None:
        self._frame = b""
        self._new = threading.Condition()
        try:
            self.server = ThreadingHTTPServer(("127.0.0.1", port), _handler(self))
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", "which is no port")
            raise SleightError(
                f"--port: got {port}, {reason}; allowed: a free port, or 0 for any"
            ) from error
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        """The address of the page."""
        return f"http://127.0.0.1:{self.server.server_address[1]}/"

    def put(self, picture: np.ndarray) -> None:
        """Send a picture, uint8 (H, W, 3), to every viewer."""
        buffer = io.BytesIO()
        imageio.imwrite(buffer, picture, extension=".jpg", quality=85)
        with self._new:
            self._frame = buffer.getvalue()
            self._new.notify_all()

    def wait(self) -> bytes:
        """The next picture."""
        with self._new:
            self._new.wait(timeout=5.0)
            return self._frame

    def close(self) -> None:
        """Stop serving."""
        self.server.shutdown()
        self.server.server_close()


def browser(player: Player, env: HandEnv, port: int, announce: Callable[[str], Any]) -> None:
    """Serve the live view until Ctrl-C; calls `announce(url)` when the page is ready."""
    stream = Stream(port)
    announce(stream.url)
    try:
        with HandRenderer(env.config.model, 640, 480, camera_for(env.task_spec)) as renderer:

            def show(qpos: np.ndarray, goal: GoalPicture) -> bool:
                stream.put(renderer.frame(qpos, goal, size_scale(env, 0)))
                return True

            live(player, env, show)
    finally:
        stream.close()


def _handler(stream: Stream) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/":
                self._send(b"text/html", PAGE)
            elif self.path == "/stream":
                self._stream()
            else:
                self.send_error(404)

        def _send(self, kind: bytes, body: bytes) -> None:
            self.send_response(200)
            self.send_header("Content-Type", kind.decode())
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def _stream(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
            self.end_headers()
            try:
                while True:
                    self.wfile.write(b"--frame\r\nContent-Type: image/jpeg\r\n\r\n")
                    self.wfile.write(stream.wait() + b"\r\n")
            except (BrokenPipeError, ConnectionResetError):
                return

        def log_message(self, format: str, *args: Any) -> None:
            """Log nothing: one line per picture is too much."""

    return Handler
