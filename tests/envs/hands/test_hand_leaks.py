"""The world is ours, whatever the file of a hand declares for a whole model."""

from dataclasses import replace

import mujoco
import numpy as np
import pytest

from sleight.envs.hands.gymnasium_robotics import HAND
from sleight.envs.hands.hand_model import HANDS, HandModel
from sleight.envs.objects.block import BLOCK
from sleight.envs.objects.object_spec import OBJECTS
from sleight.envs.sim.hand_leaks import names_of
from sleight.envs.sim.model import ModelConfig, build_model
from sleight.errors import ConfigError

SOURCES = ("gymnasium-robotics", "menagerie")


@pytest.fixture
def built(monkeypatch):
    """built(change, **config): the model with a hand whose file was changed by `change(spec)`."""

    def make(change, **config):
        def build(config):
            spec = HAND.build(config)
            change(spec)
            return spec

        monkeypatch.setitem(HANDS._loaded, "foreign", HandModel(HAND.spec, build))
        return build_model(ModelConfig(hand="foreign", **config))

    return make


def other(value):
    """Another value than `value`, that a file could hold."""
    if isinstance(value, np.ndarray):
        return value + 0.25
    if isinstance(value, float):
        return 1.5 * value + 0.25
    kind = type(value)
    if kind is int:
        return value ^ 1
    return kind(1 - int(value) if int(value) < 2 else 0)


def differing(struct, wanted):
    return [n for n in names_of(wanted) if not _same(getattr(struct, n), getattr(wanted, n))]


def _same(one, two):
    return np.array_equal(np.asarray(one, float), np.asarray(two, float), equal_nan=True)


def values(model):
    """Every array and number of a compiled model."""
    rows = {name: getattr(model, name) for name in dir(model) if not name.startswith("_")}
    return {n: v for n, v in rows.items() if isinstance(v, np.ndarray | int | float)}


def test_a_hands_file_sets_no_option(built, model):
    blank = mujoco.MjSpec()
    changed = []

    def change(spec):
        for name in names_of(blank.option):
            setattr(spec.option, name, other(getattr(blank.option, name)))
            if not _same(getattr(spec.option, name), getattr(blank.option, name)):
                changed.append(name)

    found = built(change)
    assert set(changed) == set(names_of(blank.option))
    assert {"impratio", "disableflags", "enableflags", "disableactuator", "o_margin"} < set(changed)
    # As many as MuJoCo compiles: none is left out of the comparison.
    assert set(names_of(found.opt)) == set(changed)
    assert differing(found.opt, model.opt) == []


@pytest.mark.parametrize("source", SOURCES)
def test_every_option_of_the_world_is_known(source):
    ours = {
        "timestep": 0.008, "integrator": mujoco.mjtIntegrator.mjINT_IMPLICITFAST,
        "cone": mujoco.mjtCone.mjCONE_PYRAMIDAL, "jacobian": mujoco.mjtJacobian.mjJAC_DENSE,
        "solver": mujoco.mjtSolver.mjSOL_NEWTON, "iterations": 6, "ls_iterations": 10,
        "tolerance": 1e-6,
    }  # fmt: skip
    try:
        found = build_model(ModelConfig(hand=source)).opt
    except ConfigError as error:
        pytest.skip(str(error))
    blank = mujoco.MjModel.from_xml_string("<mujoco/>").opt
    for name in names_of(found):
        wanted = ours.get(name, getattr(blank, name))
        assert _same(getattr(found, name), wanted), name


def _sizes(spec):
    spec.njmax, spec.nconmax, spec.memory = 3, 2, 2000
    spec.add_key(name="of the hand alone", qpos=[0.0] * 24, qvel=[0.0] * 24)


def _statistics(spec):
    spec.stat.meaninertia, spec.stat.extent = 40.0, 7.0
    spec.stat.meanmass, spec.stat.meansize, spec.stat.center = 3.0, 2.0, [1.0, 2.0, 3.0]


def _defaults(spec):
    spec.default.geom.friction, spec.default.geom.margin = [0.01, 0.5, 0.5], 0.02
    spec.default.geom.density, spec.default.geom.contype = 9000.0, 0
    spec.default.joint.damping, spec.default.joint.stiffness = [3.0] * 3, [2.0] * 3


def _shapes(spec):
    spec.compiler.alignfree = spec.compiler.discardvisual = True


@pytest.mark.parametrize("change", [_sizes, _statistics, _defaults, _shapes])
@pytest.mark.parametrize("visual", [False, True])
def test_a_hands_file_sets_nothing_of_the_world(built, change, visual):
    wanted = values(built(lambda spec: None, visual=visual))
    found = values(built(change, visual=visual))
    assert [name for name in wanted if not _same(wanted[name], found[name])] == []
    assert differing(built(change).stat, built(lambda spec: None).stat) == []


def test_a_hands_file_sets_no_looks(built):
    def change(spec):
        spec.visual.map.znear, spec.visual.map.fogend = 0.5, 0.1
        spec.visual.global_.fovy, spec.visual.headlight.active = 90.0, 0
        spec.visual.rgba.haze = [1.0, 0.0, 0.0, 1.0]

    wanted = built(lambda spec: None, visual=True).vis
    found = built(change, visual=True).vis
    for part in ("global_", "headlight", "map", "quality", "rgba", "scale"):
        assert differing(getattr(found, part), getattr(wanted, part)) == [], part


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("settotalmass", 2.0),
        ("boundmass", 0.3),
        ("boundinertia", 0.01),
        ("inertiagrouprange", [4, 4]),
    ],
)
def test_masses_that_a_hands_file_asks_for_are_the_hands_alone(built, name, value):
    plain = built(lambda spec: None)

    def change(spec):
        setattr(spec.compiler, name, value)
        for body in spec.bodies[1:]:  # so that the range of groups says something
            body.explicitinertial = body.explicitinertial or name == "inertiagrouprange"

    found = built(change)
    for row in ("mass", "inertia"):
        np.testing.assert_allclose(
            getattr(found.body("object"), row), getattr(plain.body("object"), row)
        )
    hand = found.body_mass.sum() - found.body("object").mass[0]
    if name == "settotalmass":
        assert hand == pytest.approx(2.0)
    elif name == "boundmass":
        assert found.body_mass[1:-1].min() == pytest.approx(0.3)


def test_an_objects_angles_are_in_radians_whatever_the_hands_unit(built, monkeypatch):
    def lid(body, name, size_m, mass_kg):
        BLOCK.build(body, name, size_m, mass_kg)
        lid = body.add_body(name=f"{name}_lid")
        lid.add_joint(name=f"{name}_lid", range=(-1.0, 1.0))
        lid.add_geom(name=f"{name}_lid", size=(0.01, 0.0, 0.0), mass=0.01)

    def change(spec):
        spec.compiler.degree = True
        for joint in spec.joints:
            joint.range, joint.ref = np.degrees(joint.range), 0.0
        palm = spec.body("palm")
        palm.alt.type = mujoco.mjtOrientation.mjORIENTATION_AXISANGLE
        palm.alt.axisangle = (0.0, 0.0, 1.0, 90.0)

    at = HAND.spec.joints.index("FFJ3")
    limits = HAND.spec.joint_lower[at], HAND.spec.joint_upper[at]
    monkeypatch.setitem(OBJECTS._loaded, "box", replace(BLOCK, build=lid, joints=("lid",)))
    for found in (built(change, object="box"), built(lambda spec: None, object="box")):
        np.testing.assert_allclose(found.joint("object_lid").range, (-1.0, 1.0))
        np.testing.assert_allclose(found.joint("FFJ3").range, limits)
    turned = built(change, object="box").body("palm").quat
    np.testing.assert_allclose(turned, (0.5**0.5, 0.0, 0.0, 0.5**0.5))
