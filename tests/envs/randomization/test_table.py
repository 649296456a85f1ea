"""The table of parameters: laws by formula, and what each one does to the compiled worlds."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from sleight.envs.objects.object_spec import mass_of, size_of
from sleight.envs.randomization.randomizer import Randomizer, extras
from sleight.envs.randomization.table import BY_NAME, NAMES, PARAMETERS, check_needs, lookup
from sleight.envs.randomization.world_source import FixedRanges, values
from sleight.envs.randomization.writes.object_writes import OBJECT_FRICTION
from sleight.envs.sim.draws import Draws
from sleight.envs.sim.model import ModelConfig, build_model
from sleight.errors import ConfigError
from tests.envs.look import look, worlds_of

AT_0_7 = {
    "object.size": math.exp(0.15 * 0.7),
    "object.mass": math.exp(0.5 * 0.7),
    "object.friction.rolling": math.exp(0.7),
    "hand.damping": math.exp(0.5 * 0.7),
    "hand.damping.spread": 0.7,
    "hand.limits": 0.1 * (math.exp(0.7) - 1.0),
    "hand.joint_margin": 0.15 * (math.exp(0.7) - 1.0),
    "gravity": -9.81 + 0.7,
    "timestep": math.exp(0.6 * 0.7),
    "observation.noise": math.exp(0.7) - 1.0,
    "action.delay": 0.5 * (math.exp(0.7) - 1.0),
    "action.latency": 7.0,
    "adversary.action": 0.07,
    "goal.angle": 0.5 + 0.7,
}
"""Some at lambda = 0.7, by the papers' formulas ([R] appendix B)."""
FOUR = torch.arange(4)


def draw(**changes):
    """Values of four worlds: nominal, but for the parameters given (dots as underscores)."""
    found = values((), np.zeros((4, 0)))
    for name, value in changes.items():
        key = name.replace("_", ".")
        assert key in found
        found[key] = torch.tensor(value, dtype=torch.float64).expand(4).clone()
    return found


@pytest.fixture
def sim(model):
    return worlds_of(model, 4)


def apply(sim, **changes):
    names = {name.replace("_", ".") for name in changes}
    Randomizer(sim, names, Draws()).apply(FOUR, draw(**changes))
    sim.forward(FOUR)
    return [sim.batch.get_model(world) for world in range(4)]


@pytest.mark.parametrize("name", AT_0_7)
def test_the_law(name):
    row = BY_NAME[name]
    assert row.value(np.array(0.7)) == pytest.approx(AT_0_7[name])
    assert row.coordinate(AT_0_7[name]) == pytest.approx(0.7)


def test_all_laws_at_once_are_each_rows_own():
    lam = np.linspace(0.0, 1.5, 7)
    together = values(NAMES, np.repeat(lam[:, None], len(NAMES), axis=1))
    for row in PARAMETERS:
        formula = row.nominal + row.weight * lam
        if row.law == "scale":
            formula = row.nominal * np.exp(row.weight * lam)
        elif row.law == "spread":
            formula = row.weight * (np.exp(lam) - 1.0)
        np.testing.assert_allclose(together[row.name], np.clip(formula, *row.limits))
        np.testing.assert_allclose(row.value(lam), together[row.name])
        assert row.value(np.array(0.0)) == pytest.approx(row.nominal)


@pytest.mark.parametrize("row", PARAMETERS, ids=NAMES)
def test_values_stay_within_the_limits(row):
    ends = row.value(np.array([-50.0, 50.0]))
    assert (ends >= row.limits[0]).all() and (ends <= row.limits[1]).all()
    for limit in row.limits:
        assert row.value(np.array(row.coordinate(limit))) == pytest.approx(limit)
    outside = row.limits[1] + 1.0
    with pytest.raises(ConfigError, match=f"{row.name}: got {outside:g}, allowed: "):
        row.coordinate(outside)


@pytest.mark.parametrize("row", PARAMETERS, ids=NAMES)
def test_the_nominal_value_is_allowed(row):
    assert row.coordinate(row.nominal) == pytest.approx(0.0)
    assert not row.one_sided or min(map(row.coordinate, row.limits)) == pytest.approx(0.0)


def test_an_unknown_parameter_names_the_nearest():
    with pytest.raises(
        ConfigError, match=r"unknown parameter 'object\.sise', did you mean 'object\.size'"
    ):
        lookup("object.sise", "env.randomization")
    with pytest.raises(ConfigError, match=r"env\.randomization: .* available: object\.size"):
        FixedRanges({"zzz": (0.0, 1.0)}, 0)


@pytest.mark.parametrize(
    ("ranges", "words"),
    [
        ({"object.mass": (1.5, 0.5)}, "object.mass: got [1.5, 0.5], allowed: low <= high"),
        ({"object.mass": (0.5, 9.0)}, "object.mass: got 9, allowed: [0.2, 4] x"),
    ],
)
def test_ranges_that_cannot_be_are_refused_in_one_line(ranges, words):
    with pytest.raises(ConfigError) as caught:
        FixedRanges(ranges, 0)
    assert words in str(caught.value) and "\n" not in str(caught.value)


def test_a_parameter_that_needs_another_is_refused_alone():
    check_needs(("tendon.spring_length", "tendon.stiffness"), "widen")
    with pytest.raises(ConfigError) as caught:
        check_needs(("tendon.spring_length", "gravity"), "widen")
    assert str(caught.value) == (
        "widen: got tendon.spring_length alone, allowed: together with tendon.stiffness"
    )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"nominal": 5.0}, "nominal: got 5, allowed: within its limits [0.2, 4] x"),
        ({"limits": (4.0, 0.2)}, "nominal: got 1, allowed: within its limits"),
        ({"one_sided": True}, "limits: got 0.2 to 4, allowed: limits that begin at the nominal"),
    ],
)
def test_a_row_that_cannot_be_is_refused(change, words):
    with pytest.raises(ConfigError) as caught:
        replace(BY_NAME["object.mass"], **change)
    assert words in str(caught.value)


def test_size_scales_the_shape_and_the_inertia(sim, model):
    scales = np.array([0.75, 0.9, 1.1, 1.3])
    for one, scale in zip(apply(sim, object_size=scales), scales, strict=True):
        np.testing.assert_allclose(one.geom("object").size, model.geom("object").size * scale)
        np.testing.assert_allclose(one.geom("object").rbound, model.geom("object").rbound * scale)
        assert one.body("object").mass == model.body("object").mass
        np.testing.assert_allclose(
            one.body("object").inertia, model.body("object").inertia * scale**2
        )


@pytest.mark.parametrize("scale", [0.75, 1.3])
def test_a_resized_block_moves_like_one_that_was_compiled_so(sim, scale):
    config = ModelConfig()
    compiled = build_model(
        replace(
            config,
            object_size_m=size_of(config) * scale,
            object_mass_kg=mass_of(config) * 1.5,
        )
    )
    apply(sim, object_size=scale, object_mass=1.5)
    other = worlds_of(compiled, 1)
    for one in (sim, other):
        one.state("qpos")[:, -7:] = torch.tensor([0.0, -0.03, 0.08, 0.9, 0.1, 0.3, 0.3])
        one.state("qpos")[:, -4:] /= one.state("qpos")[:1, -4:].norm()
        one.forward(torch.arange(one.num_worlds))
        for _ in range(20):
            one.step(10)
    # It lies on the palm, where another size would show.
    torch.testing.assert_close(sim.state("qpos")[:1], other.state("qpos"), atol=1e-8, rtol=0)


def test_mass(sim, model):
    scales = np.array([0.5, 1.0, 2.0, 3.0])
    for one, scale in zip(apply(sim, object_mass=scales), scales, strict=True):
        body, nominal = one.body("object"), model.body("object")
        np.testing.assert_allclose(body.mass, nominal.mass * scale)
        np.testing.assert_allclose(body.inertia, nominal.inertia * scale)
        # What MuJoCo derives from it follows too.
        np.testing.assert_allclose(body.subtreemass, nominal.subtreemass * scale)
        np.testing.assert_allclose(body.invweight0, nominal.invweight0 / scale, rtol=1e-9)


def test_a_heavier_block_is_slower_to_move(sim):
    scales = np.array([0.5, 1.0, 2.0, 3.0])
    models = apply(sim, object_mass=scales)
    sim.state("qpos")[:, -5] = 10.0  # in the air
    push = sim.state("xfrc_applied")
    push[:, models[0].body("object").id, 0] = 0.05
    sim.step(1)
    speed = sim.state("qvel")[:, -6].numpy()
    wanted = 0.05 / (0.078 * scales) * 0.008  # F / m * dt, from rest
    np.testing.assert_allclose(speed, wanted, rtol=1e-9)


def test_gravity(sim):
    pulls = np.array([-6.0, -9.81, -11.0, -14.0])
    for one, pull in zip(apply(sim, gravity=pulls), pulls, strict=True):
        np.testing.assert_allclose(one.opt.gravity, (0.0, 0.0, pull))
    sim.state("qpos")[:, -5] = 10.0
    sim.step(10)
    np.testing.assert_allclose(sim.state("qvel")[:, -4], pulls * 0.08, rtol=1e-9)


def test_friction_is_the_product_of_the_hands_and_the_blocks(sim):
    block, hand = np.array([0.5, 1.0, 2.0, 3.0]), np.array([1.0, 1.0, 0.5, 0.4])
    apply(sim, object_friction=block, hand_friction=hand)
    sim.state("qpos")[:, -7:] = torch.tensor([0.0, -0.02, 0.045, 1.0, 0.0, 0.0, 0.0])
    sim.step(60)
    for world, product in enumerate(block * hand):
        contacts = look(sim, world).contact
        geom = sim.model.geom("object").id
        own = [row for row in contacts if geom in row.geom]
        assert own
        for row in own:
            # Nominal sliding, torsional, rolling: 1, 0.005, 0.0001.
            np.testing.assert_allclose(
                row.friction, product * np.array([1, 1, 5e-3, 1e-4, 1e-4]), rtol=1e-9
            )


def test_damping(sim):
    scales = np.array([0.5, 1.0, 2.0, 4.0])
    models = apply(sim, hand_damping=scales)
    for one, scale in zip(models, scales, strict=True):
        np.testing.assert_allclose(one.dof_damping[:24], sim.model.dof_damping[:24] * scale)
        assert not one.dof_damping[24:].any()
    sim.state("qvel")[:, :24] = torch.linspace(0.1, 1.0, 24, dtype=torch.float64)
    passive = sim.output("qfrc_passive")
    sim.forward(FOUR)
    force = passive[:, :24] / torch.tensor(scales).unsqueeze(-1)
    torch.testing.assert_close(force, force[1].expand(4, 24), rtol=1e-9, atol=1e-12)
    assert (force < 0).all()


def test_gain(sim):
    scales = np.array([0.5, 1.0, 1.5, 2.0])
    models = apply(sim, hand_gain=scales)
    for one, scale in zip(models, scales, strict=True):
        gain = sim.model.actuator_gainprm[:, 0] * scale
        np.testing.assert_allclose(one.actuator_gainprm[:, 0], gain)
        np.testing.assert_allclose(one.actuator_biasprm[:, 1], -gain)
    force = sim.output("actuator_force")
    sim.state("ctrl")[:] = 0.05  # small, so that no motor is at its limit
    sim.step(1)
    # From zero angles the first force is stiffness times target.
    torch.testing.assert_close(
        force, torch.tensor(0.05 * np.outer(scales, sim.model.actuator_gainprm[:, 0]))
    )


def test_a_thousand_resets_do_not_drift():
    model = build_model(ModelConfig(), extras(NAMES))
    sim = worlds_of(model, 4)
    randomizer = Randomizer(sim, NAMES, Draws())
    rng = np.random.default_rng(0)
    resets = np.zeros(4)
    while resets.min() < 1000 / 4:
        worlds = torch.tensor(np.sort(rng.choice(4, size=3, replace=False)))
        resets[worlds.numpy()] += 1
        drawn = rng.uniform(0.0, 1.0, size=(len(worlds), len(NAMES)))
        randomizer.apply(worlds, values(NAMES, drawn))
    randomizer.apply(FOUR, draw())
    friction = model.geom_friction.copy()
    friction[model.geom("object").id] = OBJECT_FRICTION
    for name in sim.fields():
        source = model.opt if name.startswith("opt.") else model
        wanted = friction if name == "geom_friction" else getattr(source, name.split(".")[-1])
        for world in range(4):
            found = sim.field(name)[world].numpy()
            np.testing.assert_allclose(found, wanted, rtol=1e-15, atol=1e-15, err_msg=name)
    for name in ("dof_invweight0", "body_subtreemass", "actuator_acc0", "tendon_length0"):
        found = getattr(sim.batch.get_model(2), name)
        np.testing.assert_allclose(found, getattr(model, name), rtol=1e-9, err_msg=name)


def test_a_draw_reaches_the_worlds_it_is_for_and_no_other(sim):
    randomizer = Randomizer(sim, {"object.mass"}, Draws())
    randomizer.apply(FOUR, draw())
    some = {name: value[:2] for name, value in draw(object_mass=2.0).items()}
    randomizer.apply(torch.tensor([1, 3]), some)
    mass = sim.field("body_mass")[:, sim.model.body("object").id]
    np.testing.assert_allclose(mass, 0.078 * np.array([1.0, 2.0, 1.0, 2.0]))


def test_what_does_not_vary_stays_shared(sim):
    Randomizer(sim, {"observation.noise", "action.delay", "goal.angle"}, Draws()).apply(
        FOUR, draw()
    )
    assert sim.fields() == []


def test_fixed_ranges_are_uniform_in_lambda_and_reproducible():
    ranges = {"gravity": (-11.0, -9.0), "object.mass": (0.5, 2.0)}
    source = FixedRanges(ranges, 5)
    first = source.draw(torch.arange(2000)).coordinates.numpy()
    assert source.names == ("gravity", "object.mass")
    for column, name in zip(first.T, source.names, strict=True):
        low, high = (BY_NAME[name].coordinate(end) for end in ranges[name])
        assert low <= column.min() < low + 0.02 and high - 0.02 < column.max() <= high
        assert column.mean() == pytest.approx((low + high) / 2, abs=0.05)
    source.reseed(5)
    np.testing.assert_array_equal(source.draw(torch.arange(2000)).coordinates.numpy(), first)
    kept = source.state()
    following = source.draw(torch.arange(3)).coordinates.numpy()
    source.load_state(kept)
    np.testing.assert_array_equal(source.draw(torch.arange(3)).coordinates.numpy(), following)


def test_values_are_nominal_where_nothing_was_drawn():
    found = values(("gravity",), np.array([[0.0], [1.0]]))
    assert tuple(found) == NAMES
    np.testing.assert_allclose(found["gravity"], [-9.81, -8.81])
    for name in set(NAMES) - {"gravity"}:
        np.testing.assert_allclose(found[name], BY_NAME[name].nominal)
