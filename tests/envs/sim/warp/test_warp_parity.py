"""Warp's CPU device against C, from the same states: states, outputs, observations.

Contacts are not always the same: C may find two coincident contacts where Warp finds one, and the
solver may stop before it has converged. Such worlds part early, so bounds are those of the median.
docs/gpu.md has what was measured.
"""

from dataclasses import replace

import pytest
import torch

pytest.importorskip("mujoco_warp")

from sleight.envs.make import make_env
from sleight.envs.randomization.table import NAMES, PART_NAMES
from sleight.envs.sim.batch_sim import BatchSim
from sleight.envs.sim.warp.warp_sim import WarpSim
from tests.envs.conftest import SMALL
from tests.envs.sim.warp.conftest import WORLDS, without_cone

TOLERANCES = {
    # physics steps: joints [rad], place of the block [m], velocities
    10: (1e-6, 1e-6, 1e-4),
    100: (1e-5, 1e-5, 1e-3),
}
"""Bounds of the median over worlds of the worst component."""


def worst(one, other):
    """(N,) largest difference of each world."""
    return (one.float() - other.float()).abs().flatten(1).amax(dim=1)


def test_worlds_move_as_in_c(model, open_worlds):
    c, warp = open_worlds(model, BatchSim), open_worlds(model, WarpSim)
    targets = c.state("ctrl").clone()
    rng = torch.Generator().manual_seed(5)
    for control_step in range(1, 11):
        targets += 0.05 * torch.randn(targets.shape, generator=rng)
        for sim in (c, warp):
            sim.state("ctrl")[:] = targets.to(sim.state("ctrl"))
            assert not sim.step(10).any()
        if 10 * control_step not in TOLERANCES:
            continue
        joints, place, speed = TOLERANCES[10 * control_step]
        qpos, other = c.state("qpos"), warp.state("qpos")
        layout = c.layout
        assert worst(qpos[:, layout.joints], other[:, layout.joints]).median() < joints
        assert worst(qpos[:, layout.position], other[:, layout.position]).median() < place
        assert worst(c.state("qvel"), warp.state("qvel")).median() < speed
        tips = worst(c.output("site_xpos"), warp.output("site_xpos"))
        assert tips.median() < place
        assert worst(c.output("actuator_force"), warp.output("actuator_force")).median() < joints


def test_a_control_step_with_everything_randomized_is_observed_as_in_c(ranges):
    """The same draws on both: one control step, and the same rewards."""
    drawn = without_cone(ranges)
    assert len(drawn) == len(NAMES) - len(PART_NAMES) - 2
    config = replace(SMALL, num_worlds=WORLDS, randomization=drawn)
    envs = [make_env(replace(config, backend=name), seed=3) for name in ("mujoco", "warp")]
    first = [env.reset(seed=3)[0] for env in envs]
    alike(first, 1e-6, 1e-6)
    fields = [{name: env.sim.field(name) for name in env.sim.fields()} for env in envs]
    assert fields[0].keys() == fields[1].keys()
    for name, value in fields[0].items():
        torch.testing.assert_close(fields[1][name].double(), value.double(), rtol=1e-6, atol=1e-9)
    actions = 2.0 * torch.rand(WORLDS, 20, generator=torch.Generator().manual_seed(1)) - 1.0
    steps = [env.step(actions) for env in envs]
    alike([step[0] for step in steps], 2e-4, 5e-3)
    assert worst(*(step[1].unsqueeze(-1) for step in steps)).median() < 1e-4
    assert torch.equal(steps[0][2], steps[1][2]) and torch.equal(steps[0][3], steps[1][3])


def alike(both, place, speed):
    """Every term of both groups, by the median over worlds; `speed`: velocities and forces."""
    for group in ("actor", "critic"):
        for name, value in both[0][group].items():
            moves = any(part in name for part in ("velocity", "spin", "force", "motion"))
            found = worst(value, both[1][group][name]).median()
            assert found < (speed if moves else place), f"{group} {name}: {found:.2g}"
