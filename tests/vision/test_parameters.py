"""The table of what may be widened in renders, and renders that are drawn sample by sample."""

import dataclasses

import numpy as np
import pytest

from sleight.config import from_dict, to_dict
from sleight.envs.randomization.table import BY_NAME as PHYSICS
from sleight.errors import ConfigError, DataError
from sleight.vision.config import CameraJitter, LooksConfig, RenderConfig
from sleight.vision.renders.random_looks import draw_views
from sleight.vision.renders.render_job import render
from sleight.vision.renders.render_parameters import (
    BY_NAME,
    PARAMETERS,
    widened,
    with_ranges,
)
from sleight.vision.renders.render_values import FILE, RenderValues, read_values, write_values
from sleight.vision.renders.shards import open_renders
from tests.vision.conftest import SMALL, prepare

NOMINAL = dataclasses.replace(SMALL, strength=0.0, looks=LooksConfig(shadow_share=0.0))


def _one(**values):
    return {name.replace("_", "."): (value, value) for name, value in values.items()}


def test_every_name_is_there_once_and_none_is_one_of_the_physics():
    assert len(BY_NAME) == len(PARAMETERS) and not {*BY_NAME} & {*PHYSICS}


def test_lambda_zero_is_the_nominal_rig_and_lambda_one_strength_one():
    blank = RenderConfig()
    for coordinate, strength in ((0.0, 0.0), (1.0, 1.0)):
        at = {row.name: float(row.value(np.array(coordinate))) for row in PARAMETERS}
        ranges = {name: (value, value) for name, value in at.items()}
        jitter, looks = with_ranges(*dataclasses.replace(blank, strength=0.0).scaled(), ranges)
        wanted_jitter, wanted = dataclasses.replace(blank, strength=strength).scaled()
        assert jitter == wanted_jitter
        # Lights differ to both sides: one number is one end.
        apart = {"light_total", "ambient", "shadow_share"}
        for field in dataclasses.fields(LooksConfig):
            if field.name not in apart:
                assert getattr(looks, field.name) == getattr(wanted, field.name), field.name


def test_each_parameter_changes_one_field_and_a_config_can_say_its_limits():
    base = dataclasses.replace(RenderConfig(), strength=0.0).scaled()
    touched = set()
    for row in PARAMETERS:
        jitter, looks = with_ranges(*base, {row.name: row.limits})
        fields = [
            field.name
            for old, new in zip(base, (jitter, looks), strict=True)
            for field in dataclasses.fields(type(old))
            if getattr(old, field.name) != getattr(new, field.name)
        ]
        assert len(fields) == 1, row.name
        touched |= {*fields}
    assert len(touched) == len(PARAMETERS)
    wide = widened(RenderConfig(strength=0.0), {row.name: row.limits for row in PARAMETERS})
    assert from_dict(RenderConfig, to_dict(wide), "wide") == wide
    assert wide.strength == 1.0 and wide.looks.light_total == BY_NAME["light.total"].limits
    jitter, looks = wide.scaled()
    assert jitter == wide.jitter
    assert looks.light_total == pytest.approx(wide.looks.light_total)


def test_the_cameras_really_stand_as_far_off_as_the_value_says():
    cameras = RenderConfig().cameras
    nominal = [view.placement() for view in cameras.views.values()]
    jitter, _ = with_ranges(CameraJitter().scaled(0), LooksConfig(), _one(camera_placement=0.02))
    shifts = []
    for seed in range(400):
        views = draw_views(cameras, jitter, np.random.default_rng(seed))
        for calibrated, true in zip(views.calibrated, views.true, strict=True):
            assert calibrated.distances(true)[0] == 0.0
        shifts += [
            calibrated.position - at.position
            for calibrated, at in zip(views.calibrated, nominal, strict=True)
        ]
    shifts = np.array(shifts)
    assert np.abs(shifts).max() <= 0.02
    # U(-v, v) has a standard deviation of v / sqrt(3); 1200 draws know it to 2 %.
    np.testing.assert_allclose(shifts.std(axis=0), 0.02 / 3**0.5, rtol=0.06)


def _draws(count):
    """Ambient light dark, bright, dark, ...; colours of the background only in the last one."""
    values = np.zeros((count, 2))
    values[:, 0] = np.where(np.arange(count) % 2, 0.9, 0.1)
    values[-1, 1] = 1.0
    boundary = np.where(np.arange(count) % 2, 1, 0)
    return RenderValues(("light.ambient", "background.colour"), values, boundary, np.full(count, 3))


def test_renders_are_drawn_with_their_own_values_and_carry_them(can_render, tmp_path):
    draws = _draws(8)
    folder = prepare(tmp_path / "renders", NOMINAL)
    (folder / "config.yaml").unlink()
    render(NOMINAL, 8, folder, draws=draws)
    opened = open_renders(folder)
    shards = list(opened.shards())
    for key, wanted in draws.rows(0, 8).items():
        np.testing.assert_array_equal(np.concatenate([s[key] for s in shards]), wanted)
    images = np.concatenate([s["images"] for s in shards]).astype(float)
    brightness = images[:7].mean(axis=(1, 2, 3, 4))
    assert brightness[1::2].min() > brightness[::2].max() + 30
    # Floor and sky of one grey; the last has patterns.
    spread = images.std(axis=-1).mean(axis=(1, 2, 3))
    assert spread[-1] > 2 * spread[:-1].max()
    # Goes on with the same draws, refuses others and none.
    before = (folder / "shard-00001.safetensors").read_bytes()
    (folder / "shard-00001.safetensors").unlink()
    render(NOMINAL, 8, folder, draws=draws)
    assert (folder / "shard-00001.safetensors").read_bytes() == before
    other = dataclasses.replace(draws, version=np.zeros(8, np.int64))
    for wrong in (other, None):
        with pytest.raises(ConfigError, match="other draws"):
            render(NOMINAL, 8, folder, draws=wrong)


def test_draws_come_back_as_they_were_written_and_bad_ones_are_one_line(tmp_path):
    draws = _draws(5)
    write_values(tmp_path / FILE, draws)
    found = read_values(tmp_path / FILE)
    assert found.same(draws) and found.names == draws.names
    assert found.sample(1) == {"light.ambient": (0.9, 0.9), "background.colour": (0.0, 0.0)}
    (tmp_path / FILE).write_bytes((tmp_path / FILE).read_bytes()[:40])
    with pytest.raises(DataError, match="not a file of draws"):
        read_values(tmp_path / FILE)
    with pytest.raises(ConfigError, match=r"light.ambient: got 0.1 to 7, allowed: \[0.08, 1\]"):
        dataclasses.replace(draws, values=np.array([[0.1, 0.0], [7.0, 0.0]] + [[0.1, 0.0]] * 3))
    with pytest.raises(ConfigError, match="did you mean 'light.ambient'"):
        dataclasses.replace(draws, names=("light.ambiant", "background.colour"))
    with pytest.raises(ConfigError, match="got arrays"):
        dataclasses.replace(draws, boundary=np.zeros(3, np.int64))
