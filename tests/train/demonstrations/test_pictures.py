"""Demonstrations with pictures: what the cameras of a config see, for a student that sees."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sleight.config import load, save
from sleight.errors import DataError, SleightError
from sleight.train.algorithms.clone import CloneConfig
from sleight.train.config import RolloutConfig, TrainConfig
from sleight.train.demonstrations.data_set import open_demonstrations
from sleight.train.demonstrations.pictures import as_jpeg, decoded, encoded
from sleight.train.rollout.in_process import build
from sleight.vision.config import CamerasConfig, ImagesConfig, LooksConfig, ViewConfig
from sleight.vision.renders.studio import Studio
from tests.train.demonstrations.conftest import record

VIEW = {"top": ViewConfig((0.0, -0.09, 0.46), up=(0.0, 1.0, 0.0))}
INDEX = "demonstrations.json"


@pytest.fixture(scope="module", autouse=True)
def _can_render() -> None:
    try:
        Studio(CamerasConfig(image_px=16)).close()
    except SleightError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def seeing(block_config: TrainConfig, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The config of a student that sees through one small camera."""
    folder = tmp_path_factory.mktemp("seeing")
    clone = CloneConfig(minibatches=1, epochs=1, data=str(folder / "data"))
    terms = ("joint_position", "target", "goal_rotation", "camera_images")
    config = replace(
        block_config.with_block(clone),
        algorithm="clone",
        steps=32,
        env=replace(block_config.env, num_worlds=2, actor_terms=terms, randomization={}),
        adr=replace(block_config.adr, step_sizes={}, curriculum={}),
        rollout=RolloutConfig(horizon=8, bptt_steps=4),
        runs=str(folder),
        name="student",
        cameras=ImagesConfig(
            strength=0.0,
            looks=LooksConfig(shadow_share=0.0),
            rig=CamerasConfig(image_px=16, views=VIEW),
        ),
    )
    save(config, folder / "seeing.yaml")
    return folder / "seeing.yaml"


@pytest.fixture(scope="module")
def pictured(seeing: Path, block_run: Path) -> Path:
    """Two trials of a policy that observes no pictures, with those of the student."""
    flags = ("--trials", 2, "--goals.timeout_s", 0.4, "--record_cameras", seeing)
    return record(block_run, seeing.parent / "data", *flags)


def test_a_student_learns_from_the_pictures_that_were_seen(pictured: Path, seeing: Path) -> None:
    training = build(load(TrainConfig, seeing))
    before = training.weights()
    row = training.iterate()
    after, batch = training.weights(), training.sampler.next()
    pictures = batch.actor["camera_images"]
    assert pictures.shape == (8, 2, 3, 16, 16)
    assert pictures.min() >= 0.0 and 0.3 < pictures.max() <= 1.0
    data = open_demonstrations(pictured)
    assert data.manifest.pictures is not None and data.manifest.pictures.cameras == ("top",)
    assert len(data.picture_ends) == data.manifest.steps
    first = decoded(data.jpeg(0))
    assert first.shape == (16, 16, 3) and not np.array_equal(first, decoded(data.jpeg(4)))
    encoder = [name for name in before if "encoders.camera_images" in name and "weight" in name]
    assert encoder and all(not before[name].equal(after[name]) for name in encoder)
    assert row["kl_to_teacher"] > 0


def test_pictures_of_another_size(
    pictured: Path, seeing: Path, refused: Callable[..., str]
) -> None:
    words: tuple[Any, ...] = ("clone", seeing)
    line = refused(*words, "--cameras.rig.image_px", 32)
    assert "cameras.rig.image_px: got 32, allowed: 16, as " in line
    line = refused(*words, "--cameras.rig.views", "{left: {position_m: [0.3, -0.2, 0.3]}}")
    assert "cameras.rig.views: got left, allowed: top, as " in line or "top, left" in line
    text = (pictured / INDEX).read_text()
    data = json.loads(text)
    data["pictures"]["px"] = 20
    (pictured / INDEX).write_text(json.dumps(data))
    try:
        line = refused(*words)
        assert "picture 0: got JPEG of 16 x 16 pixels, allowed: JPEG of 20 x 20" in line
    finally:
        (pictured / INDEX).write_text(text)


def test_jpeg_keeps_what_a_picture_shows() -> None:
    ramp = np.linspace(0, 255, 16, dtype=np.uint8)
    picture = np.stack(np.broadcast_arrays(ramp[:, None], ramp[None], np.uint8(90)), axis=-1)
    jpeg = encoded(picture)
    assert np.abs(decoded(jpeg).astype(int) - picture).mean() < 8
    assert as_jpeg(jpeg, 16, "x") == jpeg
    with pytest.raises(DataError, match="x: got a picture of 16 x 16 pixels, allowed: 8 x 8"):
        as_jpeg(jpeg, 8, "x")
    with pytest.raises(DataError, match="x: got a picture that cannot be read"):
        as_jpeg(b"nothing", 8, "x")
