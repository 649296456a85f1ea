"""A learner in a package of its own: found by its entry point, trains, resumes, is evaluated."""

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from sleight.cli import main
from sleight.config import load
from sleight.train.config import TrainConfig
from sleight.train.rollout.in_process import build
from sleight.train.runs import checkpoint
from sleight.train.runs.metrics import read_metrics
from tests.train.rows import same_weights, untimed

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "new_algorithm"
SMALL = [
    "--algorithm", "reinforce", "--steps", "1024", "--env.num_worlds", "8", "--env.threads", "1",
    "--threads", "1", "--wandb", "off", "--rollout.horizon", "32",
]  # fmt: skip


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example, installed as a lab would do it, but for the network."""
    place = tmp_path_factory.mktemp("site")
    ignore = shutil.ignore_patterns("build", "*.egg-info", "__pycache__")
    source = shutil.copytree(EXAMPLE, place.parent / "source", ignore=ignore)
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-build-isolation",
         "--no-index", "--disable-pip-version-check", "--target", place, source],
        check=True, timeout=300,
    )  # fmt: skip
    return place


@pytest.fixture
def installed(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(site)


def _train(runs: Path, name: str, *flags: str) -> Path:
    words = [str(ROOT / "configs" / "reach.yaml"), *SMALL, "--runs", str(runs), "--name", name]
    assert main(["train", *words, *flags]) == 0
    return runs / name


def test_help_shows_its_fields(site: Path) -> None:
    paths = {**os.environ, "PYTHONPATH": f"{site}:{ROOT}"}
    command = [sys.executable, "-m", "sleight", "train", "--help"]
    shown = subprocess.run(command, env=paths, capture_output=True, text=True, timeout=120)
    assert shown.returncode == 0, shown.stderr
    assert "reinforce: REINFORCE (Williams 1992)." in shown.stdout
    assert "--reinforce.learning_rate  a number in (0, 1]" in shown.stdout


@pytest.mark.usefixtures("installed")
def test_it_trains_resumes_bit_for_bit_and_is_evaluated(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = _train(tmp_path, "whole", "--reinforce.gamma", "0.8")
    part = _train(tmp_path, "part", "--reinforce.gamma", "0.8", "--pause_steps", "512")
    assert len(read_metrics(part / "metrics.jsonl")) == 2
    assert main(["train", "--resume", str(part), "--pause_steps", "0"]) == 0
    assert len(untimed(whole)) == 4
    assert untimed(whole) == untimed(part)
    assert same_weights(whole, part)
    saved = checkpoint.load(whole).meta["config"]
    assert (saved["algorithm"], saved["reinforce"]["gamma"]) == ("reinforce", 0.8)
    assert load(TrainConfig, whole / "config.yaml").blocks.keys() == {"ppo", "reinforce"}
    capsys.readouterr()
    assert main(["eval", str(whole), "--trials", "2"]) == 0
    assert "mean +- s.e." in capsys.readouterr().out


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    ("flags", "line"),
    [
        (["--algorithm", "reinforc"], "algorithm: got reinforc, did you mean 'reinforce'?"),
        (["--reinforce.gama", "0.9"], "--reinforce.gama: unknown field, did you mean 'reinforce."),
        (["--reinforce.gamma", "2"], "reinforce.gamma: got 2, allowed: a number in [0, 1]"),
    ],
)
def test_what_cannot_be_is_one_line(
    flags: list[str], line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", *flags]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1 and line in err, err


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_rewarded_actions_become_likelier(sign: float) -> None:
    """The reward is one motor's action, at once and without a future: its mean follows."""
    flags = ["--reinforce.gamma", "0", "--reinforce.learning_rate", "1e-2"]
    training = build(load(TrainConfig, ROOT / "configs" / "reach.yaml", [*SMALL, *flags]))
    batch, actor = training.sampler.next(), training.agent.actor

    def motor(of_mode: bool) -> torch.Tensor:
        with torch.no_grad():
            distribution = actor.unroll(batch.actor, batch.carries[0], batch.starts)
            raw = distribution.mode() if of_mode else batch.raw
            return distribution.action(raw)[..., 5]

    rewarded, before = replace(batch, reward=sign * motor(False)), motor(True).mean()
    for _ in range(10):
        training.learner.update(rewarded, 0.0)
    assert sign * (motor(True).mean() - before) > 0.05
