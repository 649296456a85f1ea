"""The adapter of Menagerie's hand, on its real file and on a small model of its structure.

The small model is written for this test from the hand's dimensions, with Menagerie's names; its
shapes are a few spheres and one mesh. The tests on the real file skip where it is not.
"""

import os
import sys
from dataclasses import replace
from types import ModuleType, SimpleNamespace

import mujoco
import numpy as np
import pytest
import torch

from sleight.envs.config import EnvConfig, ResetConfig
from sleight.envs.hands.shadow import FINGERTIPS, SHADOW_RIGHT
from sleight.envs.make import make_env
from sleight.envs.sim.model import ModelConfig, build_model
from sleight.errors import ConfigError
from tests.examples.conftest import MENAGERIE as FILES

MENAGERIE = ModelConfig(hand="menagerie")

_VISUAL = '<geom class="visual" mesh="shell"/>'
_COLLISION = '<geom class="solid" size="0.009"/>'


def _body(name: str, place: str, joint: str, inside: str, solid: str = _COLLISION) -> str:
    return (
        f'<body name="rh_{name}" {place}><inertial mass="0.02" pos="0 0 0.01"'
        f' diaginertia="2e-06 2e-06 1e-06"/>{joint}{_VISUAL}{solid}{inside}</body>'
    )


def _joint(name: str, axis: str = "1 0 0", span: str = "0 1.5708") -> str:
    return f'<joint name="rh_{name}" axis="{axis}" range="{span}"/>'


def _finger(name: str, place: str, spread: str) -> str:
    """Knuckle, proximal, middle and distal body of one finger; `spread`: axis of its J4."""
    big, small = name.upper(), name.lower()
    distal = _body(
        f"{small}distal",
        'pos="0 0 0.025"',
        _joint(f"{big}J1"),
        "",
        '<geom class="solid" type="mesh" mesh="tip"/>',
    )
    middle = _body(f"{small}middle", 'pos="0 0 0.045"', _joint(f"{big}J2"), distal)
    proximal = _body(f"{small}proximal", "", _joint(f"{big}J3", span="-0.26 1.57"), middle)
    return _body(f"{small}knuckle", place, _joint(f"{big}J4", spread, "-0.349 0.349"), proximal)


def _thumb() -> str:
    distal = _body("thdistal", 'pos="0 0 0.032" quat="1 0 0 -1"', _joint("THJ1"), "")
    middle = _body("thmiddle", "", _joint("THJ2", "0 -1 0", "-0.7 0.7"), distal)
    hub = _body("thhub", 'pos="0 0 0.038"', _joint("THJ3", span="-0.21 0.21"), middle)
    proximal = _body("thproximal", "", _joint("THJ4", span="0 1.22"), hub)
    place = 'pos="0.034 -0.00858 0.029" quat="0.92388 0 0.382683 0"'
    return _body("thbase", place, _joint("THJ5", "0 0 -1", "-1.05 1.05"), proximal)


def xml() -> str:
    """The whole model."""
    outward, inward = "0 -1 0", "0 1 0"
    little = _body(
        "lfmetacarpal",
        'pos="-0.033 0 0.02071"',
        _joint("LFJ5", "0.573576 0 0.819152", "0 0.785"),
        _finger("lf", 'pos="0 0 0.06579"', inward),
    )
    fingers = (
        _finger("ff", 'pos="0.033 0 0.095"', outward)
        + _finger("mf", 'pos="0.011 0 0.099"', outward)
        + _finger("rf", 'pos="-0.011 0 0.095"', inward)
        + little
        + _thumb()
    )
    box = '<geom class="solid" type="box" size="0.03 0.011 0.049" pos="0 -0.003 0.038"/>'
    site = '<site name="grasp_site" pos="0 -0.035 0.09"/>'
    wrist = _body("palm", 'pos="0 0 0.034"', _joint("WRJ1", span="-0.7 0.49"), site + fingers, box)
    forearm = _body(
        "wrist", 'pos="0.01 0 0.21301" quat="1 0 0 1"', _joint("WRJ2", "0 1 0", "-0.5 0.2"), wrist
    )
    motors = '<position name="rh_A_FFJ0" tendon="rh_FFJ0" kp="0.5" ctrlrange="0 3.1415"/>'
    return f"""
<mujoco model="right_shadow_hand">
  <compiler angle="radian" autolimits="true"/>
  <option impratio="10"/>
  <default>
    <default class="right_hand">
      <joint damping="0.05" armature="0.0002" frictionloss="0.01"/>
      <default class="visual">
        <geom type="mesh" contype="0" conaffinity="0" group="2" material="black"/>
      </default>
      <default class="solid"><geom type="sphere" group="3"/></default>
    </default>
  </default>
  <asset>
    <material name="black" rgba="0.2 0.2 0.2 1"/>
    <mesh name="shell" vertex="0 0 0  0.01 0 0  0 0.01 0  0 0 0.01"/>
    <mesh name="tip" vertex="-0.005 -0.005 0  0.005 -0.005 0  0 0.005 0  0 0 0.026"/>
  </asset>
  <worldbody>
    <body name="rh_forearm" childclass="right_hand" quat="0 1 0 1">
      <inertial mass="3" pos="0 0 0.09" diaginertia="0.0138 0.0138 0.00744"/>
      {_VISUAL}<geom class="solid" size="0.035"/>{forearm}
    </body>
  </worldbody>
  <contact><exclude body1="rh_wrist" body2="rh_forearm"/></contact>
  <tendon>
    <fixed name="rh_FFJ0"><joint joint="rh_FFJ2" coef="1"/><joint joint="rh_FFJ1" coef="1"/></fixed>
  </tendon>
  <actuator>{motors}</actuator>
  <keyframe><key name="open hand"/></keyframe>
</mujoco>
"""


class MenagerieError(Exception):
    """As the package names its own."""


def package(spec):
    """A stand-in for `mujoco_menagerie`, with as much of it as is used."""

    def get(name):
        assert name == "shadow_hand"
        return SimpleNamespace(spec=spec)

    module = ModuleType("mujoco_menagerie")
    vars(module).update(get=get, MenagerieError=MenagerieError)
    return module


@pytest.fixture(params=["stand-in", "real"])
def menagerie(request, monkeypatch):
    if request.param == "real":
        pytest.importorskip("mujoco_menagerie")
        if not (FILES / "shadow_hand").is_dir():
            pytest.skip(f"no files of Menagerie's hands in {FILES}; MENAGERIE_ROOT names a folder")
        monkeypatch.setenv("MENAGERIE_ROOT", str(FILES))
        return build_model(MENAGERIE)

    def spec(entry):
        assert entry == "right_hand"
        return mujoco.MjSpec.from_string(xml())

    monkeypatch.setitem(sys.modules, "mujoco_menagerie", package(spec))
    return build_model(MENAGERIE)


def at(model, qpos):
    data = mujoco.MjData(model)
    data.qpos[:24] = qpos
    mujoco.mj_forward(model, data)
    return data


def test_names_order_and_limits_are_the_tables(menagerie):
    assert [menagerie.joint(i).name for i in range(24)] == list(SHADOW_RIGHT.joints)
    assert [menagerie.actuator(i).name for i in range(20)] == list(SHADOW_RIGHT.actuators)
    lower, upper = menagerie.jnt_range[:24].T
    np.testing.assert_allclose(lower, SHADOW_RIGHT.joint_lower, atol=1e-12)
    np.testing.assert_allclose(upper, SHADOW_RIGHT.joint_upper, atol=1e-12)
    np.testing.assert_allclose(menagerie.actuator_ctrlrange[:, 1], SHADOW_RIGHT.upper, atol=1e-12)
    names = [menagerie.body(i).name for i in range(menagerie.nbody)]
    assert not any(name.startswith("rh_") for name in names)


def test_motors_act_on_the_control_positions(menagerie):
    share = np.linspace(0.1, 0.9, 24)
    qpos = SHADOW_RIGHT.joint_lower * (1 - share) + SHADOW_RIGHT.joint_upper * share
    data = at(menagerie, qpos)
    np.testing.assert_allclose(
        data.actuator_length, SHADOW_RIGHT.control_position(qpos), atol=1e-12
    )


def test_it_stands_in_the_palm_frame(menagerie, model):
    ours, theirs = at(menagerie, 0.0), at(model, 0.0)
    np.testing.assert_allclose(ours.body("palm").xpos, theirs.body("palm").xpos, atol=1e-9)
    np.testing.assert_allclose(ours.body("palm").xmat, theirs.body("palm").xmat, atol=1e-9)
    for tip in FINGERTIPS:
        # The two sources round the hand's dimensions differently.
        np.testing.assert_allclose(ours.site(tip).xpos, theirs.site(tip).xpos, atol=2.5e-3)


@pytest.mark.parametrize(
    "name",
    [name for name in SHADOW_RIGHT.joints if name != "THJ5"],  # it turns about its own finger
)
def test_both_sources_bend_the_same_way(menagerie, model, name):
    moved = []
    for one in (menagerie, model):
        bent = np.zeros(24)
        bent[SHADOW_RIGHT.joints.index(name)] = 0.1
        rest, data = at(one, 0.0), at(one, bent)
        moved.append(np.ravel([data.site(t).xpos - rest.site(t).xpos for t in FINGERTIPS]))
    cosine = moved[0] @ moved[1] / np.linalg.norm(moved[0]) / np.linalg.norm(moved[1])
    assert cosine > 0.95


def test_only_what_collides_is_kept_and_not_the_forearm(menagerie):
    geoms = [menagerie.geom(i) for i in range(menagerie.ngeom)]
    assert all(geom.contype for geom in geoms)
    assert menagerie.body("forearm").id not in {int(geom.bodyid[0]) for geom in geoms}
    used = {int(geom.dataid[0]) for geom in geoms if geom.type == mujoco.mjtGeom.mjGEOM_MESH}
    assert menagerie.nmesh == len(used) and menagerie.nkey == 0


def test_with_looks_what_collides_is_hidden_and_what_is_seen_does_not_collide(menagerie):
    dressed = build_model(replace(MENAGERIE, visual=True))
    for i in range(dressed.ngeom):
        geom = dressed.geom(i)
        if geom.name not in ("object", "goal", "floor"):
            assert bool(geom.contype) == (geom.rgba[3] == 0.0)
    assert dressed.nmesh > menagerie.nmesh


def test_the_options_are_ours_whatever_the_source_says(menagerie, model):
    names = [name for name in dir(model.opt) if not name.startswith("_")]
    assert "impratio" in names and "cone" in names
    for name in names:
        np.testing.assert_array_equal(getattr(menagerie.opt, name), getattr(model.opt, name), name)


def test_a_block_settles_on_it_and_nothing_breaks(menagerie):
    config = EnvConfig(num_worlds=4, threads=1, model=MENAGERIE, resets=ResetConfig(cache=32))
    env = make_env(config, seed=1)
    env.reset(seed=1)
    for _ in range(25):
        _, reward, terminated, _, _ = env.step(torch.zeros(4, 20))
        assert reward.isfinite().all() and not terminated.any()


def test_a_missing_package_is_one_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "mujoco_menagerie", None)
    with pytest.raises(ConfigError, match="pip install mujoco-menagerie") as error:
        build_model(MENAGERIE)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("kind", [MenagerieError, OSError, ValueError])
def test_a_failed_download_is_one_line(monkeypatch, kind):
    def spec(entry):
        raise kind("no such host\n(tried 3 times)")

    monkeypatch.setitem(sys.modules, "mujoco_menagerie", package(spec))
    with pytest.raises(ConfigError, match=r"cannot be loaded \(no such host \(tried 3") as error:
        build_model(MENAGERIE)
    assert "\n" not in str(error.value)


def test_the_packages_own_failed_download_is_one_line(monkeypatch, tmp_path):
    pytest.importorskip("mujoco_menagerie")
    monkeypatch.setenv("MENAGERIE_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("MENAGERIE_BASE_URL", (tmp_path / "nowhere").as_uri())
    monkeypatch.delenv("MENAGERIE_ROOT", raising=False)
    with pytest.raises(ConfigError, match=r"model\.hand: got menagerie.*not found") as error:
        build_model(MENAGERIE)
    assert "\n" not in str(error.value)


def test_the_package_reads_a_checkout(monkeypatch, tmp_path):
    pytest.importorskip("mujoco_menagerie")
    (tmp_path / "shadow_hand").mkdir()
    (tmp_path / "shadow_hand" / "right_hand.xml").write_text(xml(), encoding="utf-8")
    monkeypatch.setenv("MENAGERIE_ROOT", str(tmp_path))
    assert build_model(MENAGERIE).nu == 20


def test_a_checkout_in_a_folder_that_is_not_utf8_is_one_line(monkeypatch, tmp_path):
    pytest.importorskip("mujoco_menagerie")
    root = tmp_path / os.fsdecode(b"men\xff")
    (root / "shadow_hand").mkdir(parents=True)
    (root / "shadow_hand" / "right_hand.xml").write_text(xml(), encoding="utf-8")
    monkeypatch.setenv("MENAGERIE_ROOT", str(root))
    with pytest.raises(ConfigError, match="a folder whose name is not UTF-8") as error:
        build_model(MENAGERIE)
    assert "\n" not in str(error.value)


def test_another_robot_is_refused(monkeypatch):
    other = (
        "<mujoco><worldbody><body name='rh_forearm'><geom size='1'/></body></worldbody></mujoco>"
    )
    monkeypatch.setitem(
        sys.modules, "mujoco_menagerie", package(lambda _: mujoco.MjSpec.from_string(other))
    )
    with pytest.raises(ConfigError, match="is not as expected") as error:
        build_model(MENAGERIE)
    assert "\n" not in str(error.value)
