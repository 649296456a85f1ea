"""Pictures of the hand: what is seen where, from laws of the camera and of the colours."""

import os
import subprocess
import sys
from collections.abc import Iterator

import mujoco
import numpy as np
import pytest

from sleight.envs.objects.block import FACE_COLOURS
from sleight.envs.rendering.goal_picture import GoalPicture
from sleight.envs.rendering.letters import FACE_PIXELS, STROKES, face_pixels
from sleight.envs.rendering.looks import GOAL, GOAL_POSITION
from sleight.envs.rendering.renderer import CENTRED, Camera, HandRenderer
from sleight.envs.sim.model import OBJECT, ModelConfig, build_model
from sleight.errors import SleightError

HALF = 0.5**0.5
UP = {
    0: (HALF, 0.0, -HALF, 0.0),
    1: (HALF, 0.0, HALF, 0.0),
    2: (HALF, HALF, 0.0, 0.0),
    3: (HALF, -HALF, 0.0, 0.0),
    4: (1.0, 0.0, 0.0, 0.0),
    5: (0.0, 1.0, 0.0, 0.0),
}
"""Face (+x, -x, +y, -y, +z, -z) -> the rotation that turns it up."""
LEVEL = GoalPicture(np.array(UP[4]))
AWAY = (0.0, 0.0, -100.0)


@pytest.fixture(scope="module")
def renderer() -> Iterator[HandRenderer]:
    try:
        opened = HandRenderer(ModelConfig(), 240, 180)
    except SleightError as error:
        pytest.skip(str(error))
    with opened:
        yield opened


def _qpos(renderer: HandRenderer, position: tuple[float, ...]) -> np.ndarray:
    """An open hand with an upright block at `position`, palm frame."""
    qpos = renderer.model.qpos0.copy()
    start = renderer.model.joint(OBJECT).qposadr[0]
    qpos[start : start + 7] = (*position, *UP[4])
    return qpos


def _coloured(picture: np.ndarray) -> np.ndarray:
    """(H, W) bool: strongly coloured pixels; hand, floor and shadows are grey."""
    spread = picture.max(axis=2).astype(int) - picture.min(axis=2)
    return spread > 70


def _centre(mask: np.ndarray) -> np.ndarray:
    """(column, row) of the middle of a mask."""
    rows, columns = np.nonzero(mask)
    return np.array([columns.mean() + 0.5, rows.mean() + 0.5])


def _at(renderer: HandRenderer, picture: np.ndarray, point: np.ndarray) -> np.ndarray:
    """Mean colour of the 3 x 3 pixels around a point of the palm frame."""
    column, row = np.floor(renderer.pixel(tuple(point))).astype(int)
    return picture[row - 1 : row + 2, column - 1 : column + 2].reshape(-1, 3).mean(axis=0)


def test_a_frame_is_a_function_of_its_arguments(renderer: HandRenderer) -> None:
    here, there = _qpos(renderer, (0, -0.03, 0.06)), _qpos(renderer, (0.02, -0.05, 0.06))
    first = renderer.frame(here, LEVEL)
    other = renderer.frame(there, GoalPicture(np.array(UP[0]), points=np.zeros((5, 3))), 1.3)
    assert first.shape == (180, 240, 3) and first.dtype == np.uint8
    assert (renderer.frame(here, LEVEL) == first).all()
    assert (other != first).any()


def test_each_face_shows_its_own_colour(renderer: HandRenderer) -> None:
    above = Camera(target=GOAL_POSITION, distance=0.15, elevation=-90.0)
    with HandRenderer(ModelConfig(), 64, 64, above) as close:
        qpos = _qpos(close, AWAY)
        for face, wxyz in UP.items():
            middle = close.frame(qpos, GoalPicture(np.array(wxyz)))[16:48, 16:48].reshape(-1, 3)
            seen = np.median(middle, axis=0)
            away = [np.linalg.norm(seen - 1.1 * np.array(c)) for c in FACE_COLOURS]
            assert int(np.argmin(away)) == face


def test_no_face_can_be_taken_for_another_or_for_itself_turned() -> None:
    ink = [face_pixels(i, (0, 0, 0)).mean(axis=2) > 128 for i in range(len(STROKES))]
    turned = [(i, k, np.rot90(mask, k)) for i, mask in enumerate(ink) for k in range(4)]
    for i, k, mask in turned:
        for j, m, other in turned:
            if (i, k) < (j, m):
                assert (mask != other).mean() > 0.02, f"{i} turned {k} looks like {j} turned {m}"
    assert ink[0].shape == (FACE_PIXELS, FACE_PIXELS)


def test_the_block_is_seen_where_the_camera_says(renderer: HandRenderer) -> None:
    for position in ((0.0, -0.03, 0.09), (0.05, 0.0, 0.10), (-0.05, -0.1, 0.12)):
        seen = _centre(_coloured(renderer.frame(_qpos(renderer, position), size_scale=0.3)))
        assert np.abs(seen - renderer.pixel(position)).max() < 4


def test_the_goal_is_seen_beside_the_hand_and_can_be_left_out(renderer: HandRenderer) -> None:
    qpos = _qpos(renderer, AWAY)
    assert not _coloured(renderer.frame(qpos)).any()
    goal = _coloured(renderer.frame(qpos, LEVEL))
    assert np.abs(_centre(goal) - renderer.pixel(GOAL_POSITION)).max() < 6
    columns, rows = np.nonzero(goal.any(axis=0))[0], np.nonzero(goal.any(axis=1))[0]
    assert columns.min() > 0.6 * 240 and columns.max() < 239
    assert rows.min() > 0 and rows.max() < 0.85 * 180, "the line of text would cover it"


@pytest.mark.parametrize("name", ["egg", "pen"])
def test_the_goal_of_a_long_object_stays_in_the_picture_and_off_the_hand(name: str) -> None:
    rng = np.random.default_rng(0)
    with HandRenderer(ModelConfig(object=name), 240, 180) as opened:
        qpos = _qpos(opened, AWAY)
        for wxyz in [*UP.values(), *rng.normal(size=(12, 4))]:
            goal = _coloured(opened.frame(qpos, GoalPicture(wxyz / np.linalg.norm(wxyz))))
            columns, rows = np.nonzero(goal.any(axis=0))[0], np.nonzero(goal.any(axis=1))[0]
            assert columns.min() > 0.55 * 240 and columns.max() < 239
            assert rows.min() > 0 and rows.max() < 0.85 * 180


def test_block_and_goal_that_agree_look_alike(renderer: HandRenderer) -> None:
    high = 0.1
    for wxyz in (UP[0], UP[3], UP[5]):
        qpos = _qpos(renderer, (0.0, GOAL_POSITION[1], high))
        qpos[-4:] = wxyz
        picture = renderer.frame(qpos, GoalPicture(np.array(wxyz)))
        corner = np.array([0.018, 0.018, 0.0285])
        block = _at(renderer, picture, np.array([0.0, GOAL_POSITION[1], high]) + corner)
        goal = _at(renderer, picture, np.array(GOAL_POSITION) + corner)
        assert np.abs(block - goal).max() < 30


def test_a_larger_block_covers_more(renderer: HandRenderer) -> None:
    qpos = _qpos(renderer, AWAY)
    small = _coloured(renderer.frame(qpos, LEVEL, size_scale=0.8)).sum()
    large = _coloured(renderer.frame(qpos, LEVEL, size_scale=1.2)).sum()
    assert large / small == pytest.approx((1.2 / 0.8) ** 2, rel=0.25)


def test_fingertip_targets_are_five_spheres(renderer: HandRenderer) -> None:
    targets = np.array([[-0.06 + 0.03 * i, -0.05, 0.12] for i in range(5)])
    with HandRenderer(ModelConfig(), 240, 180, CENTRED) as middle:
        picture = middle.frame(_qpos(middle, AWAY), GoalPicture(points=targets))
        seen = np.array([_at(middle, picture, target) for target in targets])
    assert ((seen.max(axis=1) - seen.min(axis=1)) > 70).all()
    apart = np.linalg.norm(seen[:, None] - seen[None], axis=-1) + 1e3 * np.eye(5)
    assert apart.min() > 40


def test_looks_do_not_change_the_physics() -> None:
    plain, dressed = build_model(ModelConfig()), build_model(ModelConfig(visual=True))
    for name in ("nq", "nv", "nu", "njnt", "ntendon", "neq"):
        assert getattr(plain, name) == getattr(dressed, name), name
    assert sorted(_colliders(plain)) == sorted(_colliders(dressed))
    assert dressed.body(GOAL).mocapid[0] == 0
    ends = []
    for model in (plain, dressed):
        data = mujoco.MjData(model)
        data.ctrl[:] = 0.5 * model.actuator_ctrlrange.mean(axis=1)
        mujoco.mj_step(model, data, nstep=40)
        assert data.ncon > 0
        ends.append(data.qpos.copy())
    np.testing.assert_allclose(ends[0], ends[1], atol=1e-9)


def _colliders(model: mujoco.MjModel) -> list[tuple]:
    """Every geom that can touch: its body, shape, size and friction."""
    geoms = [model.geom(i) for i in range(model.ngeom)]
    return [
        (model.body(g.bodyid[0]).name, g.name, g.type[0], *g.size, *g.friction, g.condim[0])
        for g in geoms
        if g.contype[0] or g.conaffinity[0]
    ]


def test_a_machine_without_graphics_is_told_what_to_install() -> None:
    code = "from sleight.envs.rendering.renderer import HandRenderer; HandRenderer()"
    environment = {**os.environ, "MUJOCO_GL": "disable"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=60
    )
    last = done.stderr.strip().splitlines()[-1]
    assert "SleightError" in last and "MUJOCO_GL=egl" in last and "libegl1" in last


def test_a_larger_object_moves_its_parts_apart():
    """The tip of the pen is drawn at the end of a pen of any size."""
    with HandRenderer(ModelConfig(object="pen")) as renderer:
        tip = renderer.model.geom("object_tip")
        nominal = tip.pos.copy(), tip.size.copy()
        renderer.frame(_qpos(renderer, (0.0, 0.0, 0.1)), size_scale=1.2)
        np.testing.assert_allclose(tip.pos, 1.2 * nominal[0])
        np.testing.assert_allclose(tip.size, 1.2 * nominal[1])
        renderer.frame(_qpos(renderer, (0.0, 0.0, 0.1)))
        np.testing.assert_allclose(tip.pos, nominal[0])
