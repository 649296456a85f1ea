"""Small runs that the tests of training share: `reach` and `block` with little of everything."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from sleight.envs.config import EnvConfig, GoalConfig, ResetConfig
from sleight.policies.config import PolicyConfig
from sleight.train.algorithms.ppo import PpoConfig
from sleight.train.config import RolloutConfig, RunAdrConfig, TrainConfig
from sleight.train.runs.session import start

SMALL = {"embedding_size": 32, "hidden_size": 32, "critic_layers": (32, 32)}


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    """Small tensors gain nothing from a second thread."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def reach_config() -> TrainConfig:
    """Fingertips to targets, without an object: iterations of a tenth of a second."""
    return TrainConfig(
        steps=4 * 8 * 16,
        threads=1,
        env=EnvConfig(task="reach", num_worlds=8, threads=1, goals=GoalConfig(timeout_s=0.8)),
        policy=PolicyConfig(**SMALL),  # type: ignore[arg-type]  # plain data
        rollout=RolloutConfig(horizon=16, bptt_steps=8),
        blocks={"ppo": PpoConfig(minibatches=2)},
        wandb="off",
    )


@pytest.fixture(scope="session")
def block_config() -> TrainConfig:
    """The block with ADR that moves at every few episodes, a curriculum and fixed ranges."""
    return TrainConfig(
        steps=4 * 8 * 16,
        seed=1,  # with this one ADR widens the noise of the observations as well
        threads=1,
        env=EnvConfig(
            num_worlds=8,
            threads=1,
            goals=GoalConfig(timeout_s=0.8, any_axis=0.5, face_up=0.5),
            resets=ResetConfig(cache=32),
            randomization={"hand.damping": (0.8, 1.3)},
        ),
        policy=PolicyConfig(**SMALL),  # type: ignore[arg-type]  # plain data
        rollout=RolloutConfig(horizon=16, bptt_steps=8),
        blocks={"ppo": PpoConfig(minibatches=2)},
        adr=RunAdrConfig(
            step_sizes={
                "object.size": 0.2,
                "object.mass": 0.2,
                "object.friction": 0.2,
                "gravity": 0.2,
                "observation.noise": 0.2,
                "action.delay": 0.4,
            },
            buffer=2,
            threshold_low=-2.0,
            threshold_high=-1.0,
            curriculum={"goal.angle": (-2.0, -1.0, 2, 0.5)},
        ),
        wandb="off",
    )


@pytest.fixture(scope="session")
def reach_run(reach_config: TrainConfig, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished run of `reach`; nobody writes to it."""
    return start(replace(reach_config, runs=str(tmp_path_factory.mktemp("runs")), name="reach"))


@pytest.fixture(scope="session")
def block_run(block_config: TrainConfig, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished run of `block`; nobody writes to it."""
    return start(replace(block_config, runs=str(tmp_path_factory.mktemp("runs")), name="block"))


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Run the program in this process: exit code, what it printed, what it complained about."""
    from sleight.cli import main

    def run(*words: Any) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main([str(word) for word in words])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


@pytest.fixture
def refused(cli: Callable[..., tuple[int, str, str]]) -> Callable[..., str]:
    """Run the program on bad input: exit code 2 and one line, which is returned."""

    def run(*words: Any) -> str:
        code, out, err = cli(*words)
        assert (code, out) == (2, ""), err
        assert err.startswith("error: ") and err.count("\n") == 1, err
        return err

    return run


@pytest.fixture
def run(reach_run: Path, tmp_path: Path) -> Path:
    """A finished run of one's own."""
    return Path(shutil.copytree(reach_run, tmp_path / "own"))
