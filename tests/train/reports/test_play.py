"""The live view: the page and its pictures, the loop behind it, ports that are in use."""

import io
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import imageio.v3 as imageio
import numpy as np
import pytest

from sleight.envs.rendering.goal_picture import GoalPicture
from sleight.errors import SleightError
from sleight.train.reports.play import Stream, live, open_stage
from sleight.train.rollout.players import RunPlayer

PATIENCE_S = 60.0


@pytest.fixture
def stream() -> Iterator[Stream]:
    """A page on a free port."""
    made = Stream(0)
    yield made
    made.close()


def _get(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=PATIENCE_S) as answer:
        found: bytes = answer.read()
    return found


def test_the_page_shows_the_stream_and_nothing_else_is_served(stream: Stream) -> None:
    assert stream.url.startswith("http://127.0.0.1:")
    assert b"<img src=stream" in _get(stream.url)
    with pytest.raises(urllib.error.HTTPError, match="404"):
        _get(f"{stream.url}etc/passwd")


def test_the_stream_comes_to_the_newest_picture(stream: Stream) -> None:
    with urllib.request.urlopen(f"{stream.url}stream", timeout=PATIENCE_S) as answer:
        for shade in (40, 200):
            ends, found, seen = time.monotonic() + PATIENCE_S, b"", 0.0
            while abs(seen - shade) > 5:
                assert time.monotonic() < ends
                stream.put(np.full((24, 32, 3), shade, np.uint8))
                found += answer.read1(65536)
                *pictures, found = found.split(b"--frame\r\nContent-Type: image/jpeg\r\n\r\n")
                for picture in filter(None, pictures):
                    shown = imageio.imread(io.BytesIO(picture))
                    assert shown.shape == (24, 32, 3)
                    seen = float(shown.mean())


def test_a_port_that_cannot_be_had_is_one_line(stream: Stream) -> None:
    taken = int(stream.url.rstrip("/").rpartition(":")[2])
    with pytest.raises(SleightError, match=f"--port: got {taken}, Address already in use; allow"):
        Stream(taken)
    with pytest.raises(SleightError, match="--port: got 99999, which is no port; allowed: a free"):
        Stream(99999)


def test_the_loop_acts_until_nobody_looks(block_run: Path) -> None:
    player = RunPlayer(block_run)
    env = open_stage(player, {}, seed=0)
    seen: list[np.ndarray] = []

    def show(qpos: np.ndarray, goal: GoalPicture) -> bool:
        assert goal.wxyz is not None and np.linalg.norm(goal.wxyz) == pytest.approx(1.0)
        seen.append(qpos.copy())
        return len(seen) < 4

    began = time.monotonic()
    live(player, env, show)
    assert len(seen) == 4 and not np.array_equal(seen[0], seen[3])
    assert time.monotonic() - began >= 2 * env.config.period_s  # no faster than real time


@pytest.mark.parametrize("seconds", ["0", "-1", "nan"])
def test_a_film_has_a_length(
    seconds: str, block_run: Path, refused: Callable[..., str], tmp_path: Path
) -> None:
    out = tmp_path / "x.mp4"
    line = refused("play", block_run, "--video", out, "--seconds", seconds)
    assert "--seconds: got " in line and not out.exists()
