"""Worlds of the block in settled states, on both backends. The tests skip without Warp.

Warp compiles its kernels at the first run, which takes minutes, and keeps them in its cache
(WARP_CACHE_PATH). All tests share two models, so that they share kernels.
"""

from dataclasses import replace

import pytest
import torch

from sleight.envs.hands.shadow import SHADOW_RIGHT
from sleight.envs.make import make_env
from sleight.envs.objects.block import BLOCK
from sleight.envs.sim.batch_sim import BatchSim
from sleight.envs.sim.layout import layout_of
from tests.envs.conftest import SMALL

WORLDS = 8


def without_cone(ranges):
    """The ranges without those of the friction cone, which Warp's worlds share."""
    return {
        n: ends for n, ends in ranges.items() if n not in ("contact.elliptic", "contact.impratio")
    }


@pytest.fixture(scope="session")
def settled():
    """Start states of WORLDS worlds: qpos (N, nq) and the motor targets (N, A) that hold them."""
    states = make_env(replace(SMALL, num_worlds=1)).task.settled
    return states.qpos[:WORLDS], states.target[:WORLDS]


@pytest.fixture
def open_worlds(settled):
    """open_worlds(model, backend) -> worlds in settled states, their outputs asked for."""

    def make(model, backend=BatchSim, count=WORLDS):
        sim = backend(model, count, 1, layout_of(model, SHADOW_RIGHT, BLOCK), "cpu")
        sim.state("qpos")[:] = settled[0][:count].to(sim.state("qpos"))
        sim.state("ctrl")[:] = settled[1][:count].to(sim.state("ctrl"))
        for name in ("site_xpos", "actuator_force"):
            sim.output(name)
        sim.forward(torch.arange(count))
        return sim

    return make
