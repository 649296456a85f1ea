"""A run that was stopped and resumed, in a new process, is the run that was not."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from sleight.adr import persistence
from sleight.train.config import TrainConfig
from sleight.train.runs import checkpoint, checkpoint_files
from sleight.train.runs.session import start
from tests.train.rows import untimed

ROOT = Path(__file__).parents[3]


def _half(config: TrainConfig, runs: Path) -> TrainConfig:
    return replace(config, runs=str(runs), name="half", steps=config.steps // 2)


def _resume(folder: Path, steps: int) -> None:
    words = ["-m", "sleight", "train", "--resume", str(folder), "--steps", str(steps)]
    done = subprocess.run(
        [sys.executable, *words], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def _tensors(folder: Path) -> dict[str, torch.Tensor]:
    newest = checkpoint_files.find(folder)
    parts = (load_file(newest / f"{part}.safetensors") for part in ("weights", "state"))
    return {name: value for part in parts for name, value in part.items()}


@pytest.mark.parametrize("task", ["reach", "block"])
def test_a_resumed_run_is_the_uninterrupted_one(
    task: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    config: TrainConfig = request.getfixturevalue(f"{task}_config")
    whole: Path = request.getfixturevalue(f"{task}_run")
    folder = start(_half(config, tmp_path))
    assert len(untimed(folder)) == 2
    _resume(folder, config.steps)
    assert [row["steps"] for row in untimed(folder)] == [128, 256, 384, 512]
    assert untimed(folder) == untimed(whole)
    got, expected = _tensors(folder), _tensors(whole)
    assert got.keys() == expected.keys()
    assert [name for name in got if not torch.equal(got[name], expected[name])] == []
    assert persistence.load(folder / "adr.json") == persistence.load(whole / "adr.json")
    found = [checkpoint.load(path) for path in (folder, whole)]
    apart = ("config", "seconds", "versions")
    own = [{name: v for name, v in c.meta.items() if name not in apart} for c in found]
    assert own[0] == own[1]


def test_adr_moved_and_episodes_ended_in_the_run_above(block_run: Path) -> None:
    """Or the comparison would say little."""
    state = persistence.load(block_run / "adr.json")
    assert len(state.history) > 3
    assert any(event.boundary != event.before for event in state.history)
    assert len({event.step for event in state.history}) > 1
    found = checkpoint.load(block_run)
    fields = {name for name in found.state if name.startswith("env.sim.field.")}
    assert {
        "env.sim.field.body_mass",
        "env.sim.field.geom_size",
        "env.sim.field.opt.gravity",
    } <= fields
    assert found.state["env.noise.level"].max() > 0
    assert len(found.meta["episodes"]) > 8


def test_rows_after_the_checkpoint_are_cut_before_going_on(
    reach_config: TrainConfig, tmp_path: Path
) -> None:
    """A run that died lost what came after its checkpoint; the curve must not show it twice."""
    folder = start(_half(reach_config, tmp_path))
    metrics = folder / "metrics.jsonl"
    kept = metrics.read_text()
    metrics.write_text(kept + '{"steps": 384, "kl": 9.0}\n{"steps": 51')
    _resume(folder, reach_config.steps)
    assert [row["steps"] for row in untimed(folder)] == [128, 256, 384, 512]
    assert metrics.read_text().startswith(kept)
    assert untimed(folder)[2]["kl"] < 9.0


def test_seeds_reproduce(reach_config: TrainConfig, reach_run: Path, tmp_path: Path) -> None:
    def rows(name: str, seed: int) -> list[dict[str, Any]]:
        return untimed(start(replace(reach_config, runs=str(tmp_path), name=name, seed=seed)))

    assert rows("same", reach_config.seed) == untimed(reach_run)
    assert rows("other", 1) != untimed(reach_run)
