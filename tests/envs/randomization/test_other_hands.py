"""Rows for hands of other makers: their laws, and what the physics receives."""

from dataclasses import replace

import mujoco
import numpy as np
import pytest
import torch
from scipy import stats

from sleight.envs.config import EnvConfig
from sleight.envs.hands.hand_model import HANDS
from sleight.envs.make import make_env
from sleight.envs.randomization.randomizer import Randomizer, extras
from sleight.envs.randomization.table import BY_NAME
from sleight.envs.randomization.world_source import values
from sleight.envs.randomization.writes.field_writer import Nominal
from sleight.envs.sim.draws import Draws
from sleight.envs.sim.finger_springs import springs_of
from sleight.envs.sim.model import ModelConfig, build_model, build_spec
from sleight.errors import ConfigError
from tests.envs.laws import same_law
from tests.envs.look import look, worlds_of

SOLREF, SOLIMP = (0.005, 1.0), (0.5, 0.99, 0.0001)
"""The contacts of MuJoCo Menagerie's Shadow Hand."""


def changed(count, seed=0, **changes):
    """`count` worlds with these values (a dot for each underscore pair)."""
    names = tuple(name.replace("__", ".") for name in changes)
    sim = worlds_of(build_model(ModelConfig(), extras(names)), count)
    value = values((), np.zeros((count, 0)))
    for name, given in zip(names, changes.values(), strict=True):
        assert name in value
        value[name] = torch.full((count,), float(given), dtype=torch.float64)
    every = torch.arange(count)
    Randomizer(sim, names, Draws(seed)).apply(every, value)
    sim.forward(every)
    return sim


def geom(sim, name):
    return sim.model.geom(f"C_{name}").id


def test_contacts_reach_those_of_the_other_model_exactly():
    sim = changed(1, contact__timeconst=0.8, contact__compliance=0.2, contact__delta=9.8,
                  contact__width=0.1)  # fmt: skip
    spec = build_spec(ModelConfig())
    for one in spec.geoms:
        one.solref[:2] = SOLREF
        one.solimp[:3] = SOLIMP
    other = worlds_of(spec.compile(), 1)
    for each in (sim, other):
        each.state("qpos")[:, -7:-4] = torch.tensor([0.0, -0.03, 0.06])
        for _ in range(20):
            each.step(10)
    touching = look(sim, 0)
    assert touching.ncon
    np.testing.assert_allclose(touching.contact.solimp[:, :3], [SOLIMP] * touching.ncon)
    # MuJoCo takes a time constant of two physics steps for a shorter one: 0.8 of the default's.
    torch.testing.assert_close(sim.state("qpos"), other.state("qpos"), atol=1e-9, rtol=0)


@pytest.mark.parametrize(
    ("name", "both"), [("hand.armature", (0.2, 1.0)), ("hand.damping", (0.5, 1.0))]
)
def test_joints_hold_both_models(name, both):
    for value in both:
        assert abs(BY_NAME[name].coordinate(value)) < 4.0  # as far as ADR goes


def test_links_grow_and_the_fingertip_is_at_their_end():
    sim, plain = changed(1, hand__link_length=1.1), changed(1, gravity=-9.81)
    away = []
    for each in (sim, plain):
        each.state("qpos")[:, :24] = 0.0
        each.forward(torch.arange(1))
        tip = each.output("site_xpos")[0, each.model.site("fftip").id]
        away.append(tip - each.output("xpos")[0, each.model.body("ffproximal").id])
    torch.testing.assert_close(away[0], 1.1 * away[1])
    one, capsule = sim.batch.get_model(0), geom(sim, "ffmiddle")
    np.testing.assert_allclose(one.geom_size[capsule, :2], [0.00805, 1.1 * 0.0125])
    # The palm is as it was.
    palm = geom(sim, "palm0")
    np.testing.assert_array_equal(one.geom_size[palm], sim.model.geom_size[palm])
    np.testing.assert_array_equal(one.body_pos[one.body("ffknuckle").id],
                                  sim.model.body_pos[sim.model.body("ffknuckle").id])  # fmt: skip


def test_each_link_has_its_own_length():
    sim = changed(400, hand__link_length__spread=0.05)
    capsules = [geom(sim, f"{finger}{link}") for finger in ("ff", "mf", "th")
                for link in ("proximal", "middle", "distal")]  # fmt: skip
    size = sim.field("geom_size")[:, capsules, 1].numpy() / sim.model.geom_size[capsules, 1]
    same_law(np.log(size) / 0.05, stats.norm)
    place = sim.field("geom_pos")[:, capsules, 2].numpy() / sim.model.geom_pos[capsules, 2]
    np.testing.assert_allclose(place, size)


def test_radii_of_tips_and_links_and_their_bounds():
    sim = changed(1, hand__tip_radius=1.3, hand__link_radius=0.8, hand__geom_size=1.05)
    one, spec = sim.batch.get_model(0), build_spec(ModelConfig())
    for name, factor in (("ffdistal", 1.3), ("thdistal", 1.3), ("ffmiddle", 0.8), ("palm0", 1.0)):
        at = geom(sim, name)
        wanted = sim.model.geom_size[at] * 1.05 * [factor, 1.0, 1.0]
        np.testing.assert_allclose(one.geom_size[at], wanted)
    for each in spec.geoms:
        each.size = one.geom_size[one.geom(each.name).id]
    compiled = spec.compile()
    hand = list(sim.layout.hand_geoms)
    for field in ("geom_rbound", "geom_aabb"):
        np.testing.assert_allclose(getattr(one, field)[hand], getattr(compiled, field)[hand])


def test_fingertips_have_their_own_friction():
    sim = changed(1, hand__friction__tips=2.0, hand__friction=0.5, object__friction=1.5)
    one = sim.batch.get_model(0)
    for name, factor in (("ffdistal", 1.5), ("ffmiddle", 0.75), ("palm0", 0.75)):
        at = geom(sim, name)
        np.testing.assert_allclose(one.geom_friction[at], sim.model.geom_friction[at] * factor)


def test_the_force_of_a_saturated_motor_falls_with_its_speed():
    sim = changed(1, hand__back_emf=0.2)
    joint, motor = sim.model.joint("FFJ3").dofadr[0], sim.model.actuator("FFJ3").id
    strongest = sim.model.actuator_forcerange[motor, 1]
    sim.state("ctrl")[:, motor] = 1.57
    forces = []
    for speed in (0.0, 1.0, 4.0):
        sim.state("qvel")[:, joint] = speed
        sim.forward(torch.arange(1))
        passive = sim.output("qfrc_passive")[0, joint] + sim.model.dof_damping[joint] * speed
        forces.append(float(sim.output("qfrc_actuator")[0, joint] + passive))
    assert forces == pytest.approx([strongest, 0.8 * strongest, 0.2 * strongest])
    # A motor of two joints sees the sum of their speeds.
    both = [int(sim.model.joint(name).dofadr[0]) for name in ("FFJ2", "FFJ1")]
    sim.state("qvel")[:, both] = 1.0
    sim.forward(torch.arange(1))
    brake = sim.output("qfrc_passive")[0, both] + torch.tensor(sim.model.dof_damping[both])
    weakest = sim.model.actuator_forcerange[sim.model.actuator("FFJ0").id, 1]
    assert brake.tolist() == pytest.approx([-0.2 * 2.0 * weakest] * 2)


def test_one_random_motor_is_weak():
    sim = changed(400, hand__weak=0.6)
    gain = sim.field("actuator_gainprm")[:, :, 0].numpy() / sim.model.actuator_gainprm[:, 0]
    force = sim.field("actuator_forcerange").numpy() / sim.model.actuator_forcerange
    np.testing.assert_allclose(force, gain[..., None].repeat(2, axis=-1))
    np.testing.assert_allclose(sim.field("actuator_biasprm")[:, :, 1].numpy(),
                               sim.model.actuator_biasprm[:, 1] * gain)  # fmt: skip
    assert ((gain < 1.0 - 1e-12).sum(axis=1) <= 1).all()
    same_law((1.0 - gain.min(axis=1)) / 0.6, stats.uniform)
    count = np.bincount(gain.argmin(axis=1), minlength=20)
    assert stats.chisquare(count).pvalue > 1e-3
    forces = sim.output("actuator_force")
    sim.state("ctrl")[:] = 0.05
    sim.step(1)
    moved = forces.numpy() / (0.05 * sim.model.actuator_gainprm[:, 0])
    np.testing.assert_allclose(moved, gain)


def test_a_weak_motor_keeps_what_the_hand_has():
    sim = changed(2, hand__weak=0.5, hand__gain=1.5)
    gain = sim.field("actuator_gainprm")[:, :, 0].numpy() / sim.model.actuator_gainprm[:, 0]
    assert ((gain == gain.max()).sum(axis=1) == 19).all() and gain.max() == pytest.approx(1.5)
    assert gain.min() >= 0.75


def test_one_random_motor_is_slow():
    sim = changed(400, hand__lag=30.0, hand__slow=100.0)
    lag = 1000.0 * sim.field("actuator_dynprm")[:, :, 0].numpy() - 30.0
    assert ((lag > 1e-9).sum(axis=1) <= 1).all() and lag.min() > -1e-9
    same_law(lag.max(axis=1) / 100.0, stats.uniform)
    alone = changed(3, hand__slow=100.0)
    assert alone.model.na == 20, "the motors can be late"
    assert ((alone.field("actuator_dynprm")[:, :, 0] > 0).sum(dim=1) == 1).all()


def test_springs_couple_two_neighbouring_fingers_of_each_world():
    sim = changed(600, tendon__neighbours=0.1)
    groups = springs_of(sim.model)
    stiffness = sim.field("tendon_stiffness")[:, list(groups)].numpy().reshape(600, 3, 4)
    used = (stiffness > 0).all(axis=2)
    assert (used.sum(axis=1) == 1).all() and ((stiffness > 0).any(axis=2) == used).all()
    assert stats.chisquare(used.sum(axis=0)).pvalue > 1e-3
    same_law(stiffness[used] / 0.1, stats.halfnorm)


@pytest.mark.parametrize("joint", ["J4", "J3", "J1"])
def test_a_spring_pulls_two_fingers_to_one_posture(joint):
    sim = changed(1, tendon__neighbours=0.0)
    names = [sim.model.tendon(i).name for i in springs_of(sim.model)]
    spring = sim.model.tendon(next(n for n in names if n.endswith(f"MF{joint}_RF{joint}"))).id
    sim.field("tendon_stiffness")[:, spring] = 0.5
    sim.refresh_constants(torch.arange(1))
    one, other = (sim.model.joint(f"{finger}{joint}") for finger in ("MF", "RF"))
    # The axes of these two fingers' joints J4 point apart, so one posture has opposite angles.
    sign = np.sign(np.dot(sim.model.jnt_axis[one.id], sim.model.jnt_axis[other.id]))
    for angle, pull in ((sign * 0.3, 0.0), (0.0, -0.5 * 0.3)):
        sim.state("qpos")[:, one.qposadr[0]] = 0.3
        sim.state("qpos")[:, other.qposadr[0]] = angle
        sim.state("qvel")[:] = 0.0
        sim.forward(torch.arange(1))
        force = sim.output("qfrc_passive")[0, [one.dofadr[0], other.dofadr[0]]]
        assert force.tolist() == pytest.approx([pull, -sign * pull], abs=1e-12)


def test_rows_that_a_hand_cannot_have_are_refused_in_one_line(monkeypatch):
    config = EnvConfig(task="reach", num_worlds=1, threads=1, randomization={
        "tendon.neighbours": (0.0, 0.1)})  # fmt: skip
    whole = HANDS.get("gymnasium-robotics", "")
    HANDS.add("plain-shadow", replace(whole, neighbours=()))
    with pytest.raises(ConfigError) as caught:
        make_env(replace(config, model=ModelConfig(hand="plain-shadow")))
    assert str(caught.value) == (
        "env.randomization, env.nominal: got tendon.neighbours, allowed: for a hand that names the"
        " joints of neighbouring fingers"
    )


def test_without_strength_nothing_changes(model):
    sim = changed(2, hand__weak=0.0, hand__slow=0.0, hand__back_emf=0.0,
                  tendon__neighbours=0.0, hand__friction__tips=1.0,
                  hand__tip_radius=1.0, hand__link_length=1.0)  # fmt: skip
    plain = worlds_of(model, 2)
    for each in (sim, plain):
        each.state("qpos")[:, -7:-4] = torch.tensor([0.0, -0.03, 0.06])
        each.state("ctrl")[:] = 0.3
        if each.model.na:
            each.state("act")[:] = 0.3
        each.forward(torch.arange(2))
        for _ in range(10):
            each.step(10)
    torch.testing.assert_close(sim.state("qpos"), plain.state("qpos"), atol=1e-6, rtol=0)


def test_fingers_are_what_carries_one_fingertip(model):
    nominal = Nominal(worlds_of(model, 1))
    fingers = {model.body(body).name for body in nominal.elements["fingers"]}
    assert {"ffknuckle", "ffdistal", "lfmetacarpal", "thbase"} <= fingers
    assert not {"palm", "wrist", "forearm", "object"} & fingers
    tips = {mujoco.mj_id2name(model, mujoco.mjtObj.mjOBJ_GEOM, geom)
            for geom, tip in zip(nominal.elements["hand_geoms"], nominal.on_tips, strict=True)
            if tip}  # fmt: skip
    assert tips == {f"C_{finger}distal" for finger in ("ff", "mf", "rf", "lf", "th")}
