"""Demonstrations of small runs, recorded by the program itself."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from sleight.cli import main
from sleight.config import save
from sleight.train.algorithms.clone import CloneConfig
from sleight.train.config import RolloutConfig, TrainConfig


def record(player: Path, folder: Path, *words: object) -> Path:
    """`sleight eval --record` in this process."""
    line = ("eval", player, "--trials", 4, "--goals.timeout_s", 0.8, "--record", folder, *words)
    assert main([str(word) for word in line]) == 0
    return folder


@pytest.fixture(scope="session")
def recorded(reach_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four episodes of `reach`, with sampled actions; nobody writes to it."""
    return record(reach_run, tmp_path_factory.mktemp("data") / "reach", "--stochastic")


@pytest.fixture
def copied(recorded: Path, tmp_path: Path) -> Path:
    """The same, of one's own."""
    folder = tmp_path / "copied"
    shutil.copytree(recorded, folder)
    for path in folder.iterdir():
        os.chmod(path, 0o644)
    return folder


@pytest.fixture
def student(reach_config: TrainConfig, tmp_path: Path) -> Callable[..., Path]:
    """The config of a student that learns from a folder."""
    from dataclasses import replace

    def write(folder: Path, **fields: object) -> Path:
        clone = CloneConfig(minibatches=2, data=str(folder))
        config = replace(
            reach_config.with_block(clone),
            algorithm="clone",
            runs=str(tmp_path),
            name="student",
            seed=3,
            rollout=RolloutConfig(horizon=8, bptt_steps=4),
            **fields,  # type: ignore[arg-type]  # fields of the config
        )
        save(config, tmp_path / "clone.yaml")
        return tmp_path / "clone.yaml"

    return write
