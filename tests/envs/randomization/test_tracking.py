"""Delay, hold, dropout, occlusion: measured on a pose that counts the steps."""

import numpy as np
import pytest
import torch
from scipy import stats

from sleight.envs.hands.shadow import SHADOW_RIGHT
from sleight.envs.mdp.sensor_noise import EPISODE_STD, STEP_STD, SensorNoise, noise_sizes
from sleight.envs.randomization.tracking import LOST_PER_S, LOST_S, MAX_DELAY, Tracking
from sleight.envs.randomization.world_source import values
from sleight.envs.sim.draws import Draws

PERIOD_S = 0.08


def value(count, **changes):
    found = values((), np.zeros((count, 0)))
    for name, number in changes.items():
        found[name.replace("__", ".")] = torch.full((count,), float(number), dtype=torch.float64)
    return found


def tracking(count, **changes):
    active = {name.replace("__", ".") for name in changes}
    found = Tracking(count, 5, 0.0285, active, Draws(0), PERIOD_S)
    found.reset(torch.arange(count), value(count, **changes))
    return found


def at(count, step):
    """Sensors that say when they were measured: x = step, a yaw of step / 10, tips at x = step."""
    yaw = torch.full((count,), step / 10)
    wxyz = torch.stack((torch.cos(yaw / 2), 0 * yaw, 0 * yaw, torch.sin(yaw / 2)), dim=-1)
    position = torch.tensor([float(step), 0.0, 0.0]).expand(count, 3)
    tips = torch.tensor([float(step), 0.0, 1.0]).expand(count, 5, 3)
    return {"object_position": position, "object_wxyz": wxyz, "fingertips": tips}


def ages(found, count, steps, key="object_position"):
    """(T, N, ...) steps by which each sensor was late."""
    rows = []
    for step in range(steps):
        sensors = at(count, step)
        seen = found(sensors, sensors, slice(None), True)[key][..., 0]
        rows.append(step - seen.numpy())
    return np.array(rows)


@pytest.mark.parametrize("mean", [0.8, 3.0])
def test_the_pose_is_late_by_its_delay(mean):
    found = tracking(500, observation__delay=mean)
    late = ages(found, 500, 12)[MAX_DELAY + 1 :]
    assert stats.kstest(late.ravel(), stats.norm(mean, mean / 6).cdf).pvalue > 1e-3
    sensors = at(500, 12)
    seen = found(sensors, sensors, slice(None), True)
    # Position and rotation are of the same moment.
    yaw = 2 * torch.atan2(seen["object_wxyz"][:, 3], seen["object_wxyz"][:, 0])
    torch.testing.assert_close(yaw * 10, seen["object_position"][:, 0], atol=2e-3, rtol=0)


def test_an_episode_begins_with_the_pose_that_it_begins_with():
    found = tracking(3, observation__delay=4.0, observation__hold=0.9, observation__dropout=10.0)
    ages(found, 3, 9)
    found.reset(torch.tensor([1]), value(1, observation__delay=4.0))
    sensors = at(3, 50)
    seen = found(sensors, sensors, slice(None), True)["object_position"][:, 0]
    assert seen[1] == 50 and (seen[[0, 2]] < 49).all()


def test_a_held_pose_is_the_last_one():
    late = ages(tracking(400, observation__hold=0.3), 400, 40)
    # An age of k are k holds in a row.
    for age in range(4):
        assert np.mean(late[8:] == age) == pytest.approx(0.7 * 0.3**age, abs=0.01)


def test_lost_markers_come_back():
    count, steps, strength = 1000, 250, 4.0
    found = tracking(count, observation__dropout=strength)
    for key, name in (("object_position", "object"), ("fingertips", "fingertips")):
        late = ages(found, count, steps, key)
        lost = (late[50:] > 0).mean()
        # A renewal process: of each cycle the lost time, rounded to steps, over the whole.
        hazard = -strength * np.log(1 - LOST_PER_S[name])
        wanted = hazard * LOST_S / (1 + hazard * LOST_S)
        assert lost == pytest.approx(wanted, rel=0.2), name
        found.reset(torch.arange(count), value(count, observation__dropout=strength))


def test_a_fingertip_at_the_block_is_hidden():
    found = tracking(1, observation__occlusion=0.005)
    sensors = at(1, 0)
    sensors["object_position"] = torch.zeros(1, 3)
    # Beside a face of the block, 0.0285 from its centre: 4 mm and 6 mm away, inside, at an edge.
    tips = torch.tensor([[0.0325, 0, 0], [0, 0.0345, 0], [0, 0, 0], [0.0315, 0.0315, 0], [1, 1, 1]])
    sensors["fingertips"] = tips.unsqueeze(0)
    first = found(sensors, sensors, slice(None), True)["fingertips"]
    torch.testing.assert_close(first, sensors["fingertips"])  # at first there is nothing to keep
    moved = {**sensors, "fingertips": sensors["fingertips"] + 1e-4}
    seen = found(moved, moved, slice(None), True)["fingertips"]
    kept = (seen == first).all(dim=-1)[0].tolist()
    # The edge is sqrt(2) * 3 mm away.
    assert kept == [True, False, True, True, False]


def test_a_second_look_changes_nothing():
    found = tracking(4, observation__delay=2.0, observation__hold=0.5, observation__dropout=5.0)
    ages(found, 4, 5)
    kept = {key: row.clone() for key, row in vars(found).items() if isinstance(row, torch.Tensor)}
    sensors = at(4, 5)
    some = {key: row[:2] for key, row in sensors.items()}
    found(some, some, torch.tensor([0, 1]), False)
    for key, row in kept.items():
        assert torch.equal(getattr(found, key), row), key


def test_noise_of_each_kind_has_its_own_strength():
    count = 4000
    noise = SensorNoise(count, noise_sizes(SHADOW_RIGHT, 0, True), Draws(0), True)
    noise.set(
        torch.arange(count),
        value(count, observation__noise__offset=2.0, observation__noise__step=0.5),
    )
    true = {"fingertips": torch.zeros(count, 5, 3), "joint_position": torch.zeros(count, 24)}
    one, two = noise(true, slice(None)), noise(true, slice(None))
    for name in true:
        change = (one[name] - two[name]) / (0.5 * STEP_STD[name] * 2**0.5)
        assert stats.kstest(change.ravel().numpy(), "norm").pvalue > 1e-3
        whole = np.hypot(2.0 * EPISODE_STD[name], 0.5 * STEP_STD[name])
        assert stats.kstest((one[name] / whole).ravel().numpy(), "norm").pvalue > 1e-3


def test_gains_are_of_positions_and_angles():
    noise = SensorNoise(3000, noise_sizes(SHADOW_RIGHT, 0, True), Draws(0), True)
    noise.set(torch.arange(3000), value(3000, observation__noise__scale=0.05))
    true = {
        "joint_position": torch.full((3000, 24), 0.7),
        "object_wxyz": at(3000, 3)["object_wxyz"],
    }
    seen = noise(true, slice(None))
    gain = (seen["joint_position"] / 0.7 - 1.0) / 0.05
    assert stats.kstest(gain.ravel().numpy(), "norm").pvalue > 1e-3
    torch.testing.assert_close(seen["object_wxyz"], true["object_wxyz"])
