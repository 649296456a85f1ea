"""What tests compare of runs: rows without their times, weights, every file."""

from pathlib import Path
from typing import Any

import torch

from sleight.train.runs import checkpoint
from sleight.train.runs.metrics import read_metrics
from sleight.train.runs.training_loop import Metrics, Training

TIMES = {"seconds", "steps_per_second", "sim_share", "learn_share"}
"""Of a row, what differs between two runs that are the same."""


def untimed(folder: Path) -> list[dict[str, Any]]:
    """The rows of a run, without the times."""
    rows = read_metrics(folder / "metrics.jsonl")
    return [{name: value for name, value in row.items() if name not in TIMES} for row in rows]


def iterate_both(far: Training, near: Training, times: int) -> list[Metrics]:
    """Iterate both, hold that far's rows say what near's do, and that actors are bit-identical."""
    rows = []
    for _ in range(times):
        got, expected = far.iterate(), near.iterate()
        assert all(got[name] == expected[name] for name in expected.keys() - TIMES)
        rows.append(got)
    weights = near.agent.actor.state_dict()
    for name, value in far.agent.actor.state_dict().items():
        assert torch.equal(value, weights[name])
    return rows


def contents(folder: Path) -> dict[Path, bytes]:
    """Every file under a folder."""
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def same_weights(one: Path, other: Path) -> bool:
    """Whether the newest checkpoints of two runs hold the same networks, bit for bit."""
    weights, others = (checkpoint.load(run, state=False).weights for run in (one, other))
    equal = all(torch.equal(value, others[name]) for name, value in weights.items())
    return weights.keys() == others.keys() and equal
