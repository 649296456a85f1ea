"""From actions to motor targets: each law, the smoothing and the delay, by hand."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from sleight.envs.config import ControlConfig
from sleight.envs.hands.shadow import SHADOW_RIGHT
from sleight.envs.mdp.control import MAX_DELAY, ActionLaw, Control

LOWER = torch.tensor(SHADOW_RIGHT.lower, dtype=torch.float32)
UPPER = torch.tensor(SHADOW_RIGHT.upper, dtype=torch.float32)
HALF = (UPPER - LOWER) / 2
MIDDLE = (UPPER + LOWER) / 2
JOINTS = torch.tensor(
    SHADOW_RIGHT.joint_lower
    + np.linspace(0.3, 0.6, 24) * (SHADOW_RIGHT.joint_upper - SHADOW_RIGHT.joint_lower),
    dtype=torch.float32,
).unsqueeze(0)
"""Joint angles (1, 24), all different."""


PERIOD_S = 0.08
FREE = {"rated_speed": False, "max_error_rad": 10.0, "margin_rad": 0.0}


class Motors:
    """As much of a Sim as Control needs: N worlds with the hand's controls, prompt motors."""

    model = SimpleNamespace(na=0, nhistory=0)
    layout = SimpleNamespace(motors=slice(0, 20))
    device = torch.device("cpu")

    def __init__(self, num_worlds):
        self.num_worlds = num_worlds
        self.ctrl = torch.zeros(num_worlds, 20, dtype=torch.float64)

    def state(self, name):
        assert name == "ctrl"
        return self.ctrl


def control(worlds=1, **config):
    sim = Motors(worlds)
    found = Control(ControlConfig(**FREE | config), SHADOW_RIGHT, sim, PERIOD_S)
    target = MIDDLE.expand(worlds, 20).clone()
    found.reset(torch.arange(worlds), target, torch.zeros(worlds, 20, dtype=torch.long))
    return found, sim


def unlimited(**config):
    return ActionLaw(ControlConfig(**FREE | config), SHADOW_RIGHT, PERIOD_S)


def test_targets_move_no_faster_than_the_motors_are_rated_for():
    law = ActionLaw(ControlConfig(scale=2.0, max_error_rad=10.0), SHADOW_RIGHT, PERIOD_S)
    target = law(torch.ones(1, 20), MIDDLE.unsqueeze(0), JOINTS)
    change = torch.tensor(SHADOW_RIGHT.max_speed * PERIOD_S, dtype=torch.float32)
    torch.testing.assert_close(target[0], torch.minimum(MIDDLE + change, UPPER - 0.02))


def test_targets_stay_near_the_measured_angles():
    law = ActionLaw(ControlConfig(scale=2.0, rated_speed=False), SHADOW_RIGHT, PERIOD_S)
    target = law(torch.ones(1, 20), MIDDLE.unsqueeze(0), JOINTS)
    position = JOINTS @ torch.tensor(SHADOW_RIGHT.coupling.T, dtype=torch.float32)
    # A coupled motor moves two joints, so its sum may be twice as far away.
    far = 0.35 * torch.tensor(SHADOW_RIGHT.coupling.sum(axis=1), dtype=torch.float32)
    torch.testing.assert_close(target[0], torch.minimum(position[0] + far, UPPER - 0.02))


def test_relative_to_target():
    law = unlimited(law="relative_to_target", scale=0.5)
    action = torch.linspace(-0.5, 0.5, 20).unsqueeze(0)
    target = law(action, MIDDLE.unsqueeze(0), JOINTS)
    torch.testing.assert_close(target, (MIDDLE + 0.5 * HALF * action))


def test_relative_to_joint_starts_at_the_measured_angles_and_sums():
    law = unlimited(law="relative_to_joint", scale=0.35)
    target = law(torch.zeros(1, 20), UPPER.unsqueeze(0), JOINTS)
    angle = dict(zip(SHADOW_RIGHT.joints, JOINTS[0].tolist(), strict=True))
    for name, found in zip(SHADOW_RIGHT.actuators, target[0].tolist(), strict=True):
        both = name.endswith("J0")
        wanted = angle[f"{name[:2]}J2"] + angle[f"{name[:2]}J1"] if both else angle[name]
        assert found == pytest.approx(wanted, abs=1e-6)


def test_absolute_covers_the_range():
    law = unlimited(law="absolute", scale=1.0)
    for action, wanted in ((-1.0, LOWER), (0.0, MIDDLE), (1.0, UPPER)):
        found = law(torch.full((1, 20), action), UPPER.unsqueeze(0), JOINTS)
        torch.testing.assert_close(found[0], wanted)


@pytest.mark.parametrize("law", ["relative_to_target", "relative_to_joint", "absolute"])
def test_targets_stay_within_the_motors_limits(law):
    found = unlimited(law=law, scale=2.0)
    for action in (-1.0, 1.0):
        target = found(torch.full((1, 20), action), MIDDLE.unsqueeze(0), JOINTS)
        assert (target >= LOWER).all() and (target <= UPPER).all()


def test_smoothing_weighs_the_old_target():
    law = unlimited(law="absolute", scale=1.0, ema=0.3)
    target = LOWER.unsqueeze(0)
    for _ in range(2):
        target = law(torch.ones(1, 20), target, JOINTS)
    # 0.3 (0.3 lower + 0.7 upper) + 0.7 upper
    torch.testing.assert_close(target[0], 0.09 * LOWER + 0.91 * UPPER)


def test_actions_are_clipped_and_reach_the_motors():
    found, sim = control(law="absolute", scale=1.0)
    found.apply(torch.full((1, 20), 7.0), JOINTS)
    torch.testing.assert_close(sim.ctrl[0], UPPER.double())
    torch.testing.assert_close(found.action, torch.ones(1, 20))


def test_each_motor_is_late_by_its_own_delay():
    found, sim = control(law="absolute", scale=1.0)
    delay = torch.arange(20).unsqueeze(0) % (MAX_DELAY + 1)
    found.reset(torch.arange(1), MIDDLE.unsqueeze(0), delay)
    sent = [0.2, -0.4, 0.6, -0.8]
    for step, value in enumerate(sent):
        found.apply(torch.full((1, 20), value), JOINTS)
        # Before the first action reaches it, a motor acts on zero.
        past = [sent[step - late] if step >= late else 0.0 for late in delay[0].tolist()]
        torch.testing.assert_close(sim.ctrl[0].float(), MIDDLE + HALF * torch.tensor(past))
        torch.testing.assert_close(found.action, torch.full((1, 20), value))


def test_the_change_of_action():
    found, _ = control()
    for value, change in ((0.5, 0.5), (-0.25, -0.75), (-0.25, 0.0)):
        found.apply(torch.full((1, 20), value), JOINTS)
        torch.testing.assert_close(found.action_change, torch.full((1, 20), change))


def test_a_reset_touches_its_worlds_alone():
    found, sim = control(worlds=3, law="relative_to_target")
    for _ in range(3):
        found.apply(torch.full((3, 20), 0.4), JOINTS.expand(3, 24))
    kept = found.target.clone(), found.action.clone()
    found.reset(torch.tensor([1]), LOWER.unsqueeze(0), torch.full((1, 20), 2))
    torch.testing.assert_close(sim.ctrl[1], LOWER.double())
    assert not found.action[1].any()
    for now, before in zip((found.target, found.action), kept, strict=True):
        assert torch.equal(now[[0, 2]], before[[0, 2]])
    # The two others go on undelayed; the one in the middle waits two steps.
    found.apply(torch.full((3, 20), -1.0), JOINTS.expand(3, 24))
    assert torch.equal(found.target[1], LOWER)
    assert (found.target[0] < kept[0][0]).all()


def test_the_wrist_stays_near_level_when_it_is_told_to():
    law = ActionLaw(ControlConfig(wrist_rad=0.1), SHADOW_RIGHT, PERIOD_S)
    target = torch.tensor(SHADOW_RIGHT.home, dtype=torch.float32).unsqueeze(0)
    joints = torch.from_numpy(SHADOW_RIGHT.joint_target(target.double().numpy())).float()
    for _ in range(50):
        target = law(torch.ones(1, 20), target, joints)
    assert SHADOW_RIGHT.actuators[:2] == ("WRJ2", "WRJ1")
    torch.testing.assert_close(target[0, :2], torch.tensor([0.1, 0.1]))
    assert (target[0, 2:] > 0.1).any()
