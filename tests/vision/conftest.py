"""A few small renders, made once."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from sleight.config import save
from sleight.envs.hands.shadow import SHADOW_RIGHT
from sleight.errors import SleightError
from sleight.vision.config import CamerasConfig, RenderConfig
from sleight.vision.renders.render_job import CONFIG, STATES, render
from sleight.vision.renders.shards import Renders, open_renders
from sleight.vision.renders.studio import Studio

SMALL = RenderConfig(cameras=CamerasConfig(image_px=32), shard_size=6)


def home_states(count: int = 4) -> np.ndarray:
    """Hands at home with a block over the palm, in place of ones settled by physics."""
    rng = np.random.default_rng(0)
    states = np.zeros((count, 31))
    states[:, :24] = SHADOW_RIGHT.joint_target(SHADOW_RIGHT.home)
    states[:, 24:27] = (0.0, -0.05, 0.045)
    states[:, 27:] = rng.standard_normal((count, 4))
    states[:, 27:] /= np.linalg.norm(states[:, 27:], axis=1, keepdims=True)
    return states


def prepare(folder: Path, config: RenderConfig = SMALL) -> Path:
    """A folder whose states are there already, which spares the physics."""
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / STATES, home_states())
    save(config, folder / CONFIG)
    return folder


CUBE = dataclasses.replace(SMALL, object="cube")


@pytest.fixture(scope="session")
def cubes(can_render: None, tmp_path_factory: pytest.TempPathFactory) -> Renders:
    """Ten samples of scrambled cubes."""
    folder = prepare(tmp_path_factory.mktemp("cubes"), CUBE)
    return open_renders(render(CUBE, 10, folder))


@pytest.fixture(scope="session")
def can_render() -> None:
    try:
        Studio(SMALL.cameras).close()
    except SleightError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def renders(can_render: None, tmp_path_factory: pytest.TempPathFactory) -> Renders:
    """Ten samples in two shards."""
    folder = prepare(tmp_path_factory.mktemp("renders"))
    return open_renders(render(SMALL, 10, folder))
