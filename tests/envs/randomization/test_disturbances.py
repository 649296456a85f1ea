"""Noise, faults, forces, clock and adversary: their laws, and that they are absent unless asked."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from scipy import stats

from sleight.envs.config import EnvConfig
from sleight.envs.hands.shadow import SHADOW_RIGHT
from sleight.envs.make import resolve
from sleight.envs.randomization.action_faults import (
    BROKEN_NOISE,
    ActionFaults,
    LostMotion,
    Slack,
)
from sleight.envs.randomization.adversary import BINS, Adversary
from sleight.envs.randomization.disturbances import disturbances_of
from sleight.envs.randomization.forces import CHANCE, DECAY, REACH_M, Forces
from sleight.envs.randomization.step_jitter import LONGEST, RATE, Clock
from sleight.envs.randomization.table import NAMES
from sleight.envs.randomization.world_source import values
from sleight.envs.sim.draws import Draws
from tests.envs.laws import QUIET, same_law
from tests.envs.look import worlds_of


def rng(seed=0):
    return Draws(seed)


def drawn(count, **changes):
    """Values of `count` worlds: nominal, but for the parameters given (dots as underscores)."""
    found = values((), np.zeros((count, 0)))
    for name, value in changes.items():
        key = name.replace("__", ".")
        assert key in found
        found[key] = torch.full((count,), float(value), dtype=torch.float64)
    return found


def faults(count, active, seed=0, adversary=None, **changes):
    found = ActionFaults(count, 20, active, rng(seed), adversary)
    found.reset(torch.arange(count), drawn(count, **changes))
    return found


def test_nothing_is_there_that_nobody_asked_for(model):
    sim = worlds_of(model, 2)
    quiet = {"object.mass", "observation.noise", "action.delay", "goal.angle", "gravity"}
    config = resolve(EnvConfig())
    assert not list(disturbances_of(config, SHADOW_RIGHT, sim, quiet, rng()).parts())
    everything = disturbances_of(config, SHADOW_RIGHT, sim, NAMES, rng())
    names = [name for name, _ in everything.parts()]
    assert names == ["adversary", "faults", "forces", "clock", "tracking"]


def test_action_noise_of_three_kinds():
    active = {"action.noise.step", "action.noise.offset", "action.noise.scale"}
    kinds = {
        "action__noise__step": 0.1,
        "action__noise__offset": 0.03,
        "action__noise__scale": 0.04,
    }
    found = faults(1000, active, **kinds)
    action = torch.full((1000, 20), 0.3)
    one, two = found(action), found(action)
    same_law((one - two) / (0.1 * math.sqrt(2)), stats.norm)
    mean = torch.stack([found(action) for _ in range(200)]).mean(dim=0)
    kept = math.hypot(0.03, 0.3 * 0.04, 0.1 / math.sqrt(200))
    same_law((mean - 0.3) / kept, stats.norm)
    still = faults(1000, active, action__noise__scale=0.04)
    torch.testing.assert_close(still(torch.zeros(1000, 20)), torch.zeros(1000, 20))
    same_law((still(action) / 0.3 - 1.0) / 0.04, stats.norm)
    assert found(torch.ones(1000, 20)).max() <= 1.0


def test_without_strength_an_action_arrives_as_it_is():
    found = faults(4, NAMES, adversary=Adversary(4, 20, 5, 8, rng()))
    action = torch.linspace(-1, 1, 80).reshape(4, 20)
    torch.testing.assert_close(found(action), action, rtol=0, atol=0)


@pytest.mark.parametrize("probability", [0.01, 0.1])
def test_broken_motors_twitch_and_are_two_at_most(probability):
    found = faults(4000, {"action.broken"}, action__broken=probability)
    broken = found.broken
    count = np.array([stats.binom.pmf(k, 20, probability) for k in range(21)])
    wanted = count @ np.minimum(np.arange(21), 2)
    assert broken.sum(dim=1).max() <= 2
    assert broken.sum(dim=1).double().mean() == pytest.approx(wanted, rel=0.12)
    assert broken.double().mean(dim=0).std() < 0.4 * broken.double().mean()  # none is favoured
    moved = found(torch.full((4000, 20), -0.7))
    assert (moved[~broken] == -0.7).all()
    same_law(moved[broken] / BROKEN_NOISE, stats.uniform)


def test_slack_is_taken_in_before_a_motor_pulls():
    slack = Slack(1, 2, rng())
    slack.inverse[:] = torch.tensor([[[0.05, 0.0], [0.05, 0.0]]])  # the second motor has none
    position, target = torch.zeros(1, 2), torch.full((1, 2), 0.25)
    # 0.25 rad / 0.05 rad s * 0.08 s = 0.4 of the slack a step; from 0 to 1 are 2.5 steps, and of
    # the third the share (1 - 0.8) / 0.4 = 0.5 is held.
    held = [slack(target, position, 0.08) for _ in range(4)]
    torch.testing.assert_close(torch.cat(held)[:, 0], torch.tensor([0.0, 0.0, 0.125, 0.25]))
    torch.testing.assert_close(torch.cat(held)[:, 1], torch.full((4,), 0.25))
    # Turning round, it is 2 wide.
    back = [slack(-target, position, 0.08)[0, 0].item() for _ in range(6)]
    assert back == pytest.approx([0, 0, 0, 0, 0, -0.25])


def test_the_slack_of_each_motor_and_direction():
    found = faults(2000, {"action.backlash"}, action__backlash=0.05).slack
    same_law(found.inverse / 0.05, stats.halfnorm)


def test_a_tendon_takes_what_is_beyond_half_the_slack():
    lost = LostMotion(1, 2, rng())
    lost.half[:] = torch.tensor([[0.01, 0.0]])  # the second motor has none
    targets = torch.tensor([0.10, 0.15, 0.14, 0.131, 0.12, 0.125, 0.15])
    held = [lost(target.expand(1, 2), torch.full((1, 2), 9.0)) for target in targets]
    # It begins where the motor is, and turns round after 0.02.
    assert torch.cat(held)[:, 0].tolist() == pytest.approx(
        [0.10, 0.14, 0.14, 0.14, 0.13, 0.13, 0.14]
    )
    torch.testing.assert_close(torch.cat(held)[:, 1], targets)


def test_a_motor_within_its_deadband_rests():
    lost = LostMotion(2, 3, rng())
    lost.deadband[:] = torch.tensor([[0.015], [0.0]])
    position = torch.tensor([0.0, 0.01, 0.03]).expand(2, 3)
    held = lost(torch.full((2, 3), 0.02), position)
    assert held[0].tolist() == pytest.approx([0.02, 0.01, 0.03])
    assert held[1].tolist() == pytest.approx([0.02] * 3)


def test_the_slack_of_each_motor_is_drawn_and_an_episode_begins_without():
    active = {"hand.slack", "hand.deadband"}
    found = faults(2000, active, hand__slack=0.02, hand__deadband=0.015).lost_motion
    same_law(found.half / 0.01, stats.uniform(0.5, 1.0))
    assert (found.deadband == torch.tensor(0.015)).all()
    found(torch.zeros(2000, 20), torch.ones(2000, 20))
    assert not found.fresh.any()
    own = faults(3, active, hand__slack=0.02)
    own.lost_motion(torch.zeros(3, 20), torch.ones(3, 20))
    own.redraw(torch.tensor([0]), drawn(1, hand__slack=0.02))
    assert not own.lost_motion.fresh.any(), "its tendons stay where they are"
    own.reset(torch.tensor([1]), drawn(1, hand__slack=0.02))
    assert own.lost_motion.fresh.flatten().tolist() == [False, True, False]


@pytest.fixture
def sim(model):
    return worlds_of(model, 300)


def forces(sim, names, adversary=None, **changes):
    found = Forces(sim, names, rng(), 0.08, adversary)
    found.reset(torch.arange(sim.num_worlds), drawn(sim.num_worlds, **changes))
    return found


def test_pushes_come_at_random_and_die_away(sim):
    found = forces(sim, {"object.push", "object.twist"}, object__push=2.0, object__twist=50.0)
    low, high = np.log(CHANCE)
    same_law(np.log(found.chance.numpy()), stats.uniform(low, high - low))
    found.chance[:] = 0.2
    pushes, kept = [], []
    for _ in range(40):
        before = found.push.clone()
        found.apply()
        new = (found.push - DECAY * before).abs().amax(dim=1) > 1e-6
        pushes.append(found.push[new])
        kept.append(float(new.double().mean()))
    assert np.mean(kept) == pytest.approx(0.2, rel=0.05)
    strength = torch.tensor([2.0, 2.0, 2.0, 50.0, 50.0, 50.0])
    same_law(torch.cat(pushes) / strength, stats.norm)
    wrench = sim.state("xfrc_applied")[:, found.body].float()
    model = sim.model
    inertia = float(model.body_inertia[found.body].mean())
    weight = torch.tensor([float(model.body_mass[found.body])] * 3 + [inertia] * 3)
    torch.testing.assert_close(wrench, found.push * weight)


@pytest.mark.parametrize("share", [1.0, 0.1, 0.01])
def test_a_push_dies_away_within_its_duration(sim, share):
    found = forces(sim, {"object.push"}, object__push=1.0, object__push__duration=share)
    found.push[:], found.chance[:] = 1.0, 0.0
    for _ in range(round(share * 8.0 / 0.08)):
        found.apply()
    torch.testing.assert_close(
        found.push, torch.full_like(found.push, math.exp(-1)), rtol=0.01, atol=0
    )


def test_a_push_is_an_acceleration_of_a_block_of_any_mass(sim):
    sim.field("body_mass")[:, sim.model.body("object").id] *= torch.linspace(
        0.5, 3.0, 300, dtype=torch.float64
    )
    sim.refresh_constants(torch.arange(300))
    found = forces(sim, {"object.push"}, object__push=1.0)
    found.chance[:] = 1.0
    sim.state("qpos")[:, -5] = 10.0  # in the air
    sim.forward(torch.arange(300))
    found.apply()
    sim.step(10)
    gained = sim.state("qvel")[:, -6:-4].float() / 0.08
    torch.testing.assert_close(gained, found.push[:, :2], rtol=1e-4, atol=1e-5)


def sensors(count, seed=0):
    return {
        "fingertips": 0.1 * rng(seed).normal(count, 5, 3),
        "object_position": 0.1 * rng(seed + 1).normal(count, 3),
        "object_wxyz": torch.nn.functional.normalize(rng(seed + 2).normal(count, 4)),
    }


def test_the_adversary_is_a_new_network_in_every_episode():
    found, seen = Adversary(64, 20, 5, 16, rng()), sensors(64)
    found.reset(torch.arange(64))
    found.look(seen)
    first = found.action.clone()
    found.look(seen)
    torch.testing.assert_close(found.action, first)  # a network, not noise
    found.reset(torch.arange(32))
    found.look(seen)
    assert (found.action[:32] != first[:32]).any(dim=1).all()
    torch.testing.assert_close(found.action[32:], first[32:])
    # It answers to what it sees.
    found.look(sensors(64, 9))
    assert (found.action[32:] != first[32:]).any(dim=1).double().mean() > 0.9


def test_its_outputs_are_bins_that_cover_their_range_evenly():
    found = Adversary(400, 20, 5, 16, rng())
    found.reset(torch.arange(400))
    found.look(sensors(400))
    bins = (torch.cat((found.action, found.wrench), dim=1) + 1.0) * (BINS - 1) / 2
    torch.testing.assert_close(bins, bins.round(), atol=1e-4, rtol=0)
    count = torch.bincount(bins.round().long().flatten(), minlength=BINS)
    assert stats.chisquare(count.numpy()).pvalue > QUIET


def test_its_share_of_the_action_and_its_force(sim):
    adversary = SimpleNamespace(
        action=torch.full((300, 20), 0.5), wrench=torch.tensor([[1.0, 0, 0, 0, 0, -1.0]] * 300)
    )
    mixed = faults(300, {"adversary.action"}, adversary=adversary, adversary__action=0.25)
    torch.testing.assert_close(mixed(torch.full((300, 20), -0.3)), torch.full((300, 20), -0.1))
    found = forces(sim, {"adversary.force"}, adversary, adversary__force=2.0)
    found.apply()
    wrench = sim.state("xfrc_applied")[0, found.body].numpy()
    body = sim.model.body("object")
    torque = -body.inertia[0] * 2.0 / REACH_M
    np.testing.assert_allclose(wrench, [2.0 * body.mass[0], 0, 0, 0, 0, torque], rtol=1e-5)


def test_the_clock_lasts_as_the_sum_of_exponentials(sim):
    clock = Clock(sim, 10, rng())
    clock.reset(torch.arange(300), drawn(300, timestep__jitter=2.0, timestep=1.2))
    rate = 1.2 * 2.0 / clock.late_s
    same_law(rate, stats.uniform(RATE[0], RATE[1] - RATE[0]))
    steps = []
    for _ in range(20):
        clock.apply()
        steps.append(sim.field("opt.timestep").numpy().copy())
    late = (np.array(steps) - 0.008 * 1.2) / clock.late_s.numpy()
    free = np.array(steps) < LONGEST * 0.008
    assert free.mean() > 0.99
    same_law(late[free] * 10, stats.gamma(10))


def test_physics_goes_by_the_clock(sim):
    clock = Clock(sim, 10, rng())
    clock.reset(torch.arange(300), drawn(300, timestep__jitter=1.0))
    sim.forward(torch.arange(300))
    clock.apply()
    wanted = 10 * sim.field("opt.timestep").clone()
    sim.step(10)
    torch.testing.assert_close(sim.state("time").squeeze(-1), wanted)


def test_an_environment_with_everything_on_goes_on(build, ranges, wander):
    env = build(num_worlds=8, seed=3, randomization=ranges)
    env.reset(seed=0)
    for action in wander(8, 40):
        observation, reward, terminated, truncated, _ = env.step(action)
        for group in observation.values():
            assert all(torch.isfinite(value).all() for value in group.values())
        assert torch.isfinite(reward).all()
    assert env.sim.failures == 0
    go_on = ~(terminated | truncated)
    assert go_on.any()
    own = wander(8, 40)[-1]
    assert (env.control.action == own)[go_on].all(), "the policy's own action is observed"
