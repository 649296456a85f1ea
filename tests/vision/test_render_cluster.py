"""Renders by workers on a real Ray cluster: the same files, also when a worker is killed."""

import dataclasses
import os
import signal
from pathlib import Path

import numpy as np
import pytest

from sleight.errors import ConfigError, SleightError
from sleight.train.cluster.renderers import Renderers, renderers
from sleight.train.config import RayConfig
from sleight.vision.config import RenderConfig
from sleight.vision.renders.render_job import CONFIG, render
from sleight.vision.renders.render_values import RenderValues
from sleight.vision.renders.shards import INDEX, Renders, open_renders, shard_path
from tests.vision.conftest import SMALL, prepare

pytestmark = pytest.mark.usefixtures("cluster", "can_render")
RAY = RayConfig(wait_s=300.0)


class Killed(Renderers):
    """Whose first worker is killed with its shard in hand, and every one for `times` shards."""

    times = 1

    def begin(self, index: int) -> None:
        member = self.pool.ready[0]
        super().begin(index)
        if self.times:
            self.times -= 1
            os.kill(member.pid, signal.SIGKILL)


def _files(folder: Path) -> list[bytes]:
    return [shard_path(folder, index).read_bytes() for index in range(2)]


def test_a_killed_workers_shard_is_made_again_bit_for_bit(renders: Renders, tmp_path: Path) -> None:
    folder = prepare(tmp_path / "far")
    told: list[int] = []
    crews: list[Renderers] = []

    def crew(config: RenderConfig, place: Path, sizes: list[int]) -> Renderers:
        crews.append(Killed(RAY, config, place, sizes))
        return crews[0]

    render(dataclasses.replace(SMALL, workers=2), 10, folder, told.append, crew=crew)
    assert crews[0].pool.restarts == 1
    assert told[-1] == 10 and told == sorted(told)
    assert _files(folder) == _files(renders.folder)
    assert open_renders(folder).sizes == renders.sizes


@pytest.mark.slow
def test_a_job_that_was_stopped_goes_on_elsewhere(renders: Renders, tmp_path: Path) -> None:
    folder = prepare(tmp_path / "half")
    shard_path(folder, 0).write_bytes(shard_path(renders.folder, 0).read_bytes())
    at = shard_path(folder, 0).stat().st_mtime_ns
    with renderers(RAY) as crew:
        render(SMALL, 10, folder, crew=crew)
    assert shard_path(folder, 0).stat().st_mtime_ns == at
    assert _files(folder) == _files(renders.folder)


@pytest.mark.slow
def test_samples_with_ranges_of_their_own_are_the_same_there(tmp_path: Path) -> None:
    values = np.linspace(0.1, 0.5, 3)[:, None]
    draws = RenderValues(("light.ambient",), values, np.full(3, -1), np.zeros(3, np.int64))
    near, far = prepare(tmp_path / "near"), prepare(tmp_path / "far")
    for folder in (near, far):
        (folder / CONFIG).unlink()  # whose renders have no draws
    render(SMALL, 3, near, draws=draws)
    with renderers(RAY) as crew:
        render(SMALL, 3, far, draws=draws, crew=crew)
    assert shard_path(far, 0).read_bytes() == shard_path(near, 0).read_bytes()


@pytest.mark.slow
def test_workers_that_die_again_and_again_end_the_job(tmp_path: Path) -> None:
    class Hopeless(Killed):
        times = 9

    config = dataclasses.replace(SMALL, restarts=1)
    with pytest.raises(SleightError, match="its process died or hung; 2 processes died, allowed"):
        render(config, 4, prepare(tmp_path, config), crew=lambda *words: Hopeless(RAY, *words))
    assert not (tmp_path / INDEX).exists()


def test_more_workers_than_room(tmp_path: Path) -> None:
    config = dataclasses.replace(SMALL, workers=3)
    ray = RayConfig(wait_s=1.0)
    with pytest.raises(ConfigError, match=r"workers: got 3, of which \d found no place within 1 s"):
        render(config, 20, prepare(tmp_path, config), crew=lambda *words: Renderers(ray, *words))
