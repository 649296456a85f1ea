"""Every physics row: the distribution of what it writes, and that the compiled worlds have it."""

from dataclasses import dataclass

import mujoco
import numpy as np
import pytest
import torch
from scipy import stats

from sleight.envs.randomization.randomizer import CONSTANTS, WRITES, Randomizer, extras
from sleight.envs.randomization.table import BY_NAME, NAMES, PART_NAMES
from sleight.envs.randomization.world_source import values
from sleight.envs.randomization.writes.field_writer import Nominal
from sleight.envs.sim.batch_sim import BatchSim
from sleight.envs.sim.draws import Draws
from sleight.envs.sim.model import ModelConfig, build_model, build_spec
from tests.envs.laws import same_law
from tests.envs.look import look, worlds_of

WORLDS = 256
PHYSICS = tuple(dict.fromkeys(name for names, _ in WRITES for name in names))
OWN = {
    "hand.friction.tips", "hand.tip_radius", "hand.link_radius", "hand.link_length",
    "hand.link_length.spread", "hand.weak", "hand.slow",
}  # fmt: skip
"""Rows that share fields with others; test_other_hands.py has their laws."""
ALONE = tuple(name for name in PHYSICS if name not in OWN)


@dataclass(frozen=True)
class Drawn:
    """Worlds that all drew the same values of every physics row in ALONE."""

    sim: BatchSim
    nominal: Nominal
    value: dict[str, float]

    def field(self, name: str, elements: str) -> np.ndarray:
        return self.sim.field(name)[:, self.nominal.indices[elements]].numpy()

    def base(self, name: str, elements: str) -> np.ndarray:
        return self.nominal.field(name)[self.nominal.indices[elements]].numpy()


@pytest.fixture(scope="module")
def drawn():
    model = build_model(ModelConfig(), extras(PHYSICS))
    sim = worlds_of(model, WORLDS)
    value = {name: float(BY_NAME[name].value(np.array(0.4))) for name in ALONE}
    randomizer = Randomizer(sim, ALONE, Draws(3))
    worlds = torch.arange(WORLDS)
    randomizer.apply(worlds, values(ALONE, np.full((WORLDS, len(ALONE)), 0.4)))
    sim.forward(worlds)
    return Drawn(sim, randomizer.nominal, value)


@pytest.mark.parametrize(
    ("field", "elements", "column", "row"),
    [
        ("dof_damping", "hand_dofs", None, "hand.damping"),
        ("dof_armature", "hand_dofs", None, "hand.armature"),
        ("actuator_gainprm", "motors", 0, "hand.gain"),
        ("actuator_forcerange", "motors", 1, "hand.force"),
        ("body_mass", "links", None, "hand.mass"),
        ("geom_size", "hand_geoms", 0, "hand.geom_size"),
    ],
)
def test_elements_are_log_normal_around_their_mean(drawn, field, elements, column, row):
    found, base = drawn.field(field, elements), drawn.base(field, elements)
    if column is not None:
        found, base = found[..., column], base[..., column]
    whole = base != 0
    noise = np.log(found[:, whole] / base[whole])
    same_law(noise, stats.norm(np.log(drawn.value[row]), drawn.value[f"{row}.spread"]))
    # Each element has its own: no two of a world are the same.
    assert abs(np.corrcoef(noise[:, 0], noise[:, 1])[0, 1]) < 0.25


NORMAL, HALF, UNIFORM = stats.norm, stats.halfnorm, stats.uniform


@pytest.mark.parametrize(
    ("field", "elements", "row", "law"),
    [
        ("dof_frictionloss", "hand_dofs", "hand.friction_loss", HALF),
        ("jnt_stiffness", "hand_joints", "hand.stiffness", HALF),
        ("jnt_margin", "hand_joints", "hand.joint_margin", UNIFORM),
        ("tendon_stiffness", "couplings", "tendon.stiffness", HALF),
        ("tendon_lengthspring", "couplings", "tendon.spring_length", NORMAL),
        ("body_pos", "links", "hand.link_position", NORMAL),
        ("geom_pos", "hand_geoms", "hand.geom_position", NORMAL),
        ("body_ipos", "object_bodies", "object.com", NORMAL),
        ("geom_gap", "contact_geoms", "contact.gap", UNIFORM),
    ],
)
def test_what_is_added_has_its_law(drawn, field, elements, row, law):
    noise = drawn.field(field, elements) - drawn.base(field, elements)
    if field == "tendon_lengthspring":
        np.testing.assert_allclose(noise[..., 0], noise[..., 1])
        noise = noise[..., 0]
    same_law(noise / drawn.value[row], law)


def test_forces_begin_at_the_margin_and_deeper_by_the_gap(drawn):
    gap = drawn.field("geom_gap", "contact_geoms")
    margin = drawn.field("geom_margin", "contact_geoms") + gap
    same_law(margin / drawn.value["contact.margin"], HALF)
    for world in range(WORLDS):
        one = look(drawn.sim, world)
        if one.ncon:
            break
    own = drawn.sim.field("geom_margin")[world].numpy()
    assert one.ncon
    for contact in one.contact:
        # MuJoCo begins the force of a pair at the sum of both.
        if contact.exclude < 2 and drawn.nominal.elements["object_geoms"][0] in contact.geom:
            assert contact.includemargin == pytest.approx(own[contact.geom].sum(), abs=1e-12)


@pytest.mark.parametrize(
    ("field", "elements", "row"),
    [("jnt_range", "hand_joints", "hand.limits"), ("tendon_range", "couplings", "tendon.range")],
)
def test_both_ends_of_a_range_move_and_none_turns_over(drawn, field, elements, row):
    found, base = drawn.field(field, elements), drawn.base(field, elements)
    width = base[:, 1] - base[:, 0]
    scale = width if field == "tendon_range" else np.ones_like(width)
    low = (found[..., 0] - base[:, 0]) / (scale * drawn.value[row])
    same_law(low[:, base[:, 0] != 0], NORMAL)
    assert (found[..., 1] - found[..., 0] >= 0.0099 * width).all()
    at_zero = found[:, base[:, 0] == 0, 0]
    assert (at_zero >= 0).all()
    if at_zero.size:  # what would have passed zero stays there
        assert np.mean(at_zero == 0) == pytest.approx(0.5, abs=0.05)


def test_friction_of_each_kind_and_geom(drawn):
    found, base = (
        drawn.field("geom_friction", "hand_geoms"),
        drawn.base("geom_friction", "hand_geoms"),
    )
    value = drawn.value
    slide = value["object.friction"] * value["hand.friction"]
    kinds = [1.0]
    for kind in ("spinning", "rolling"):
        kinds.append(value[f"object.friction.{kind}"] * value[f"hand.friction.{kind}"])
    noise = np.log(found / (base * slide * np.array(kinds)))
    np.testing.assert_allclose(noise, noise[..., :1].repeat(3, axis=-1), atol=1e-9)
    same_law(noise[..., 0], stats.norm(0.0, value["hand.friction.spread"]))


def test_rolling_friction_acts_in_six_dimensions(drawn):
    block = drawn.nominal.elements["object_geoms"][0]
    assert drawn.sim.model.geom_condim[block] == 6
    assert build_model(ModelConfig()).geom_condim[block] == 4, "it costs time when nobody asks"


def test_mass_and_inertia(drawn, model):
    value, one = drawn.value, drawn.sim.batch.get_model(7)
    body = model.body("object").id
    factor = value["object.mass"] * value["object.size"] ** 2 * value["object.inertia"]
    np.testing.assert_allclose(one.body_mass[body], model.body_mass[body] * value["object.mass"])
    np.testing.assert_allclose(one.body_inertia[body], model.body_inertia[body] * factor)
    links = drawn.nominal.elements["links"]
    mass = one.body_mass[links] / model.body_mass[links]
    inertia = one.body_inertia[links] / model.body_inertia[links]
    np.testing.assert_allclose(inertia, (mass * value["hand.inertia"])[:, None].repeat(3, 1))


def test_contacts_have_their_reference_and_impedance(drawn):
    solref, solimp = (
        drawn.field("geom_solref", "contact_geoms"),
        drawn.field("geom_solimp", "contact_geoms"),
    )
    spread = drawn.value["contact.spread"]
    for column, row in ((0, "timeconst"), (1, "dampratio")):
        noise = np.log(solref[..., column] / drawn.base("geom_solref", "contact_geoms")[:, column])
        same_law(noise, stats.norm(np.log(drawn.value[f"contact.{row}"]), spread))
    dmin, dmax, width = solimp[..., 0], solimp[..., 1], solimp[..., 2]
    same_law(np.log(width / 0.001), stats.norm(np.log(drawn.value["contact.width"]), spread))
    base = drawn.base("geom_solimp", "contact_geoms")
    free = dmin > 0.5
    assert free.mean() > 0.99
    delta = ((dmax - dmin) / (base[:, 1] - base[:, 0]))[free]
    same_law(np.log(delta), stats.norm(np.log(drawn.value["contact.delta"]), spread))
    assert (dmin <= dmax).all() and dmin.min() >= 0.5 and dmax.max() <= 0.99
    inside = (dmax > 0.51) & (dmax < 0.989)
    median = np.exp(np.median(np.log((1.0 - dmax[inside]) / 0.05)))
    assert inside.mean() > 0.95
    assert median == pytest.approx(drawn.value["contact.compliance"], rel=0.05)


def test_gravity_and_the_physics_step(drawn):
    gravity = drawn.sim.field("opt.gravity").numpy() - [0, 0, drawn.value["gravity"]]
    same_law(gravity / drawn.value["gravity.noise"], NORMAL)
    np.testing.assert_allclose(
        drawn.sim.field("opt.timestep"), 0.008 * drawn.value["timestep"], rtol=1e-12
    )


def test_a_share_of_worlds_has_the_elliptic_cone_and_its_impedance(drawn):
    cone, ratio = (drawn.sim.field(f"opt.{name}").numpy() for name in ("cone", "impratio"))
    # 256 draws: four standard errors of a share of 0.4.
    assert cone.mean() == pytest.approx(drawn.value["contact.elliptic"], abs=0.125)
    np.testing.assert_allclose(ratio, np.where(cone, drawn.value["contact.impratio"], 1.0))


def test_a_world_with_the_elliptic_cone_moves_like_a_model_that_was_compiled_so(model):
    sim = worlds_of(model, 2)
    other = worlds_of(build_model(ModelConfig(cone="elliptic")), 1)
    sim.field("opt.cone")[1] = 1
    for one in (sim, other):
        one.state("qpos")[:, -7:-4] = torch.tensor([0.0, -0.05, 0.075])
        one.state("ctrl")[:] = 0.1
        one.step(100)
    torch.testing.assert_close(sim.state("qpos")[1], other.state("qpos")[0], atol=0, rtol=0)
    assert (sim.state("qpos")[0] - sim.state("qpos")[1]).abs().max() > 1e-6


def test_latency_is_of_all_motors_and_differs_between_episodes(drawn):
    late = 1000.0 * drawn.sim.field("actuator_delay").numpy() / drawn.value["action.latency"]
    np.testing.assert_array_equal(late, late[:, :1].repeat(20, axis=1))
    same_law(late[:, 0], stats.norm(1.0, 0.1))


def test_the_compiled_worlds_have_what_was_written(drawn):
    for world in (0, 100, WORLDS - 1):
        one = drawn.sim.batch.get_model(world)
        for name in drawn.sim.fields():
            source = one.opt if name.startswith("opt.") else one
            found = getattr(source, name.removeprefix("opt."))
            np.testing.assert_array_equal(found, drawn.sim.field(name)[world], err_msg=name)


def test_every_physics_row_changes_a_field_of_its_own(drawn):
    """No dead knob: a row alone (with what it needs) makes worlds differ from the nominal ones."""
    for name in PHYSICS:
        if name == "timestep.jitter" or name in PART_NAMES:  # written at each step; not the block's
            continue
        names = (name, BY_NAME[name].needs) if BY_NAME[name].needs else (name,)
        sim = worlds_of(drawn.sim.model, 1)
        randomizer = Randomizer(sim, names, Draws())
        seen = []
        for lam in (0.0, 0.5):
            randomizer.rng.seed(1)
            value = values(names, np.array([[lam, 0.5][: len(names)]]))
            randomizer.apply(torch.zeros(1, dtype=torch.long), value)
            seen.append({field: sim.field(field).clone() for field in sim.fields()})
        assert any(not torch.equal(seen[0][key], seen[1][key]) for key in seen[0]), name


def test_constants_follow_what_mujoco_derives_them_from():
    assert set(mujoco.MjModel._setconst_inputs) >= CONSTANTS


GEOMS = {"pos": "geom_pos", "size": "geom_size", "friction": "geom_friction",
         "solref": "geom_solref", "solimp": "geom_solimp", "margin": "geom_margin"}  # fmt: skip
JOINTS = {"damping": "dof_damping", "armature": "dof_armature", "frictionloss": "dof_frictionloss",
          "stiffness": "jnt_stiffness", "range": "jnt_range", "margin": "jnt_margin"}  # fmt: skip


def compiled_so(one: mujoco.MjModel, asked) -> mujoco.MjModel:
    """A model compiled from a description that says what the world `one` was given."""
    spec = build_spec(ModelConfig(), asked)
    for geom in spec.geoms:
        for key, field in GEOMS.items():
            setattr(geom, key, getattr(one, field)[one.geom(geom.name).id])
    for joint in spec.joints:
        if joint.name == "object":
            continue
        for key, field in JOINTS.items():
            row = one.joint(joint.name)
            place = row.dofadr[0] if field.startswith("dof") else row.id
            value = getattr(one, field)[place]
            if key in ("damping", "stiffness"):
                value = [value, *getattr(joint, key)[1:]]
            setattr(joint, key, value)
    for tendon in spec.tendons:
        if one.tendon_limited[one.tendon(tendon.name).id]:
            tendon.range = one.tendon_range[one.tendon(tendon.name).id]
    for actuator in spec.actuators:
        at = one.actuator(actuator.name).id
        actuator.forcerange = one.actuator_forcerange[at]
        actuator.set_to_position(
            kp=one.actuator_gainprm[at, 0], timeconst=one.actuator_dynprm[at, 0]
        )
        actuator.damping = [one.actuator_damping[at], *actuator.damping[1:]]
        actuator.actearly = True  # which it forgets
    for body in spec.bodies[1:]:
        body.pos = one.body_pos[one.body(body.name).id]
        if body.name != "object":
            body.ipos = one.body_ipos[one.body(body.name).id]
    return spec.compile()


def test_a_hand_that_was_changed_moves_like_one_that_was_compiled_so():
    left = ("hand.mass", "hand.mass.spread", "hand.inertia", "contact.gap")
    groups = ("hand.", "contact.", "tendon.range")
    names = tuple(name for name in PHYSICS if name.startswith(groups) and name not in left)
    asked = extras(names)
    sim = worlds_of(build_model(ModelConfig(), asked), 1)
    every = torch.zeros(1, dtype=torch.long)
    randomizer = Randomizer(sim, names, Draws(5))
    randomizer.apply(every, values(names, np.full((1, len(names)), 0.2)))
    other = worlds_of(compiled_so(sim.batch.get_model(0), asked), 1)
    for one in (sim, other):
        one.state("qpos")[:, -7:] = torch.tensor([0.0, -0.03, 0.08, 0.9, 0.1, 0.3, 0.3])
        one.state("qpos")[:, -4:] /= one.state("qpos")[:, -4:].norm()
        one.state("ctrl")[:] = 0.2
        one.forward(every)
        for _ in range(8):
            one.step(10)
    assert look(sim, 0).ncon > 0
    torch.testing.assert_close(sim.state("qpos"), other.state("qpos"), atol=1e-6, rtol=0)


def test_time_constants_differ_between_motors(drawn):
    lag = 1000.0 * drawn.sim.field("actuator_dynprm")[:, :, 0].numpy() / drawn.value["hand.lag"]
    same_law(np.log(lag), stats.norm(0.0, drawn.value["hand.lag.spread"]))


def test_the_centre_of_mass_moves_and_the_block_tips():
    names = ("object.com",)
    sim = worlds_of(build_model(ModelConfig(), extras(names)), 2)
    block = sim.model.body("object").id
    sim.field("body_ipos")[1, block, 0] = 0.01
    sim.refresh_constants(torch.arange(2))
    sim.forward(torch.arange(2))
    centre = sim.output("xipos")[:, block, 0]
    assert centre[1] - centre[0] == pytest.approx(0.01)


def test_nothing_is_compiled_in_that_nobody_asked_for(model):
    plain = build_model(ModelConfig(), extras(("object.mass", "hand.damping", "gravity")))
    assert plain.nhistory == plain.na == 0 and plain.opt.disableflags == model.opt.disableflags
    assert set(NAMES) >= set(PHYSICS)
