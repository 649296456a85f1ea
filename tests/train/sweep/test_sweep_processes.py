"""Sweeps of real runs: each is the command alone, and what is killed goes on."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sleight.config import load
from sleight.config import save as save_config
from sleight.train.algorithms.ppo import PpoConfig
from sleight.train.config import TrainConfig
from sleight.train.runs import checkpoint_files
from sleight.train.runs.folder_lock import holder
from sleight.train.runs.metrics import read_metrics
from sleight.train.runs.session import start
from sleight.train.sweep import journal
from sleight.train.sweep.config import FieldConfig, PbtConfig, SweepConfig

ROOT = Path(__file__).parents[3]
PATIENCE_S = 300.0
Write = Callable[..., Path]
CLOCKS = {"seconds", "steps_per_second", "sim_share", "learn_share"}


@pytest.fixture
def write(reach_config: TrainConfig, tmp_path: Path) -> Write:
    """Write a sweep's file and its training config."""

    def put(steps: int, **fields: Any) -> Path:
        save_config(replace(reach_config, steps=steps, checkpoint_s=1.0), tmp_path / "reach.yaml")
        config = SweepConfig(train="reach.yaml", runs=str(tmp_path / "runs"), name="s", **fields)
        save_config(config, tmp_path / "s.yaml")
        return tmp_path / "s.yaml"

    return put


class _Sweep:
    """`sleight sweep` in a process of its own."""

    def __init__(self, *words: object) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "sleight", "sweep", *map(str, words)],
            cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )  # fmt: skip

    def wait_for(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            assert self.process.poll() is None, self.process.communicate()
            assert time.monotonic() < deadline, "nothing happens"
            time.sleep(0.02)

    def end(self, number: int | None = None) -> tuple[int, str, str]:
        if number is not None:
            self.process.send_signal(number)
        out, err = self.process.communicate(timeout=PATIENCE_S)
        return self.process.returncode, out, err


@pytest.fixture
def runs(tmp_path: Path) -> Iterator[Path]:
    """The sweep's folder; what still runs there in the end is killed."""
    folder = tmp_path / "runs" / "s"
    yield folder
    for path in folder.glob("logs/*.lock"):
        if process := holder(path.parent, path.name):
            os.kill(process, signal.SIGKILL)


def _curve(run: Path) -> list[dict[str, Any]]:
    rows = read_metrics(run / "metrics.jsonl")
    return [{k: v for k, v in row.items() if k not in CLOCKS} for row in rows]


def test_a_trial_is_the_command_that_runs_alone(write: Write, runs: Path, tmp_path: Path) -> None:
    fields = {"ppo.gamma": FieldConfig(values=(0.8,))}
    code, out, err = _Sweep(write(512, method="grid", fields=fields, seed=3)).end()
    assert code == 0, err
    assert out.splitlines()[-1] == str(runs / "report.html") and (runs / "report.html").is_file()
    run = runs / "t000-s0"
    config = load(TrainConfig, run / "config.yaml")
    assert (config.seed, config.block(PpoConfig).gamma) == (3, 0.8)
    alone = start(replace(config, runs=str(tmp_path), name="alone"))
    assert _curve(run) == _curve(alone) != []
    said = (runs / "logs" / "t000-s0.txt").read_text().splitlines()[0]
    assert said.startswith(f"$ sleight train {runs / 'base.yaml'} --ppo.gamma=0.8 --seed=3")


@pytest.mark.slow
def test_a_killed_sweep_finds_its_runs_again(write: Write, runs: Path) -> None:
    fields = {"ppo.gamma": FieldConfig(values=(0.8, 0.9))}
    source = write(128 * 60, method="grid", fields=fields, seeds=2, concurrent=2)
    sweep = _Sweep(source)
    lasting = ("t000-s0", "t000-s1")
    sweep.wait_for(lambda: all(_saved(runs / name) > 0 for name in lasting))
    assert sweep.end(signal.SIGKILL)[0] == -signal.SIGKILL
    left = [holder(runs / "logs", f"{name}.lock") for name in lasting]
    assert all(left), "the runs go on without it"
    assert left[1] is not None
    os.kill(left[1], signal.SIGKILL)  # as if the machine had taken this one too
    before = _saved(runs / "t000-s1")

    again = _Sweep(source, "--resume")
    again.wait_for(lambda: holder(runs) is not None)
    assert holder(runs / "logs", "t000-s0.lock") in (left[0], None), "not begun a second time"
    code, _, err = again.end()
    assert code == 0, err
    ends = [event for event in journal.read(runs / "journal.jsonl") if event["event"] == "end"]
    assert Counter((e["setting"], e["seed"], e["state"]) for e in ends) == {
        (setting, seed, "complete"): 1 for setting in (0, 1) for seed in (0, 1)
    }
    for run in runs.glob("t*"):
        steps = [row["steps"] for row in read_metrics(run / "metrics.jsonl")]
        assert steps == list(range(128, 128 * 60 + 1, 128)), run.name
    logs = {path.stem: path.read_text().count("$ sleight") for path in runs.glob("logs/*.txt")}
    assert logs == {"t000-s0": 1, "t000-s1": 2, "t001-s0": 1, "t001-s1": 1}
    assert f"--resume {runs / 't000-s1'}" in (runs / "logs" / "t000-s1.txt").read_text()
    assert before > 0


@pytest.mark.slow
def test_ctrl_c_saves_every_run(write: Write, runs: Path, refused: Callable[..., str]) -> None:
    source = write(10**8, fields={"ppo.gamma": FieldConfig(low=0.8, high=0.9)}, concurrent=2)
    sweep = _Sweep(source)
    names = ("t000-s0", "t001-s0")
    sweep.wait_for(lambda: all(len(read_metrics(runs / n / "metrics.jsonl")) > 2 for n in names))
    assert "another process works" in refused("sweep", source, "--resume")
    code, out, err = sweep.end(signal.SIGINT)
    assert (code, out) == (130, "") and f"continue with: sleight sweep {source} --resume" in err
    for name in names:
        rows = read_metrics(runs / name / "metrics.jsonl")
        assert _saved(runs / name) == rows[-1]["steps"]
        assert holder(runs / "logs", f"{name}.lock") is None


def test_runs_that_cannot_be_say_why(write: Write, runs: Path) -> None:
    fields = {"warm_start": FieldConfig(values=("nowhere",))}
    code, _, err = _Sweep(write(256, method="grid", fields=fields)).end()
    assert code == 2 and "Traceback" not in err
    line = err.splitlines()[-1]
    assert line.startswith("error: ") and "no run was completed; the first: nowhere: got no" in line
    (_, end) = _events(runs)
    assert end["state"] == "failed" and end["remark"].startswith("nowhere: got no checkpoint")


@pytest.mark.slow
def test_a_population_hands_on_what_is_best(write: Write, runs: Path) -> None:
    fields = {"ppo.learning_rate": FieldConfig(low=1e-4, high=1e-3, log=True)}
    source = write(
        128 * 6, fields=fields, trials=3, concurrent=2, stopping="pbt", metric="episode_reward",
        set={"ppo.kl_target": (0.0, 10.0)},  # the learner leaves its rate alone
        pbt=PbtConfig(interval_steps=256, quantile=0.4),
    )  # fmt: skip
    sweep = _Sweep(source)
    sweep.wait_for(lambda: any(e["event"] == "generation" for e in _events(runs)))
    assert sweep.end(signal.SIGKILL)[0] == -signal.SIGKILL
    code, _, err = _Sweep(source, "--resume").end()
    assert code == 0, err
    events = _events(runs)
    assert [e["event"] for e in events if e["event"] in ("generation", "moved")] == [
        "generation", "moved", "generation", "moved"]  # fmt: skip
    assert sum(e["event"] == "end" and e["state"] == "complete" for e in events) == 3
    last = [e for e in events if e["event"] == "generation"][-1]
    (move,) = last["moves"]
    run = runs / f"t{move['member']:03d}-s0"
    ppo = load(TrainConfig, run / "config.yaml").block(PpoConfig)
    assert ppo.learning_rate == move["values"]["ppo.learning_rate"]
    rows = read_metrics(run / "metrics.jsonl")
    assert [row["steps"] for row in rows] == list(range(128, 128 * 6 + 1, 128))
    assert rows[-1]["learning_rate"] == pytest.approx(move["values"]["ppo.learning_rate"])


def _events(runs: Path) -> list[dict[str, Any]]:
    path = runs / "journal.jsonl"
    return journal.read(path) if path.is_file() else []


def _saved(run: Path) -> int:
    found = checkpoint_files.complete(run / "checkpoints")
    return int(found[-1].name) if found else 0
