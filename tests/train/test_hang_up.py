"""A terminal that goes away, as an ssh connection that drops: the kernel sends SIGHUP to every
process of its group, workers too, and nothing can be written any more. All that was learned is
saved.
"""

import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from sleight.config import save as save_config
from sleight.train.config import TrainConfig
from sleight.train.runs.checkpoint_files import last_steps
from sleight.train.runs.metrics import read_metrics
from tests.vision.conftest import can_render  # noqa: F401

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
PATIENCE_S = 300
IN_A_TERMINAL = """
import os, pty, select, sys, time
from pathlib import Path
pattern, words = sys.argv[1], sys.argv[2:]
child, terminal = pty.fork()
if child == 0:
    os.execv(words[0], words)
shown = b""
while not any(path.stat().st_size for path in Path().glob(pattern)):
    if select.select([terminal], [], [], 0.1)[0]:
        try:
            shown += os.read(terminal, 65536)
        except OSError:
            sys.exit("ended early: " + shown.decode(errors="replace"))
time.sleep(1)
os.close(terminal)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.fixture(autouse=True)
def _heeds_hang_ups() -> Iterator[None]:
    """Also where the tests run under nohup."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


def _code(folder: Path, pattern: str, *words: str) -> int:
    """Exit code of a command in `folder` whose terminal hangs up once a file is written."""
    command = [sys.executable, "-m", "sleight", *words]
    done = subprocess.run(
        [sys.executable, "-c", IN_A_TERMINAL, pattern, *command],
        cwd=folder, capture_output=True, text=True, timeout=PATIENCE_S, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


def _saved(run: Path) -> bool:
    """Whether the checkpoint is as new as the metrics."""
    rows = read_metrics(run / "metrics.jsonl")
    return 0 < last_steps(run / "checkpoints") == rows[-1]["steps"]


@pytest.fixture
def folder(reach_config: TrainConfig, tmp_path: Path) -> Path:
    """A config that would train for days, and a sweep of it."""
    save_config(replace(reach_config, steps=10**9), tmp_path / "reach.yaml")
    (tmp_path / "sweep.yaml").write_text(
        "{train: reach.yaml, method: random, trials: 3, concurrent: 2,"
        " fields: {ppo.learning_rate: {low: 1e-4, high: 1e-3}}}\n"
    )
    return tmp_path


@pytest.mark.parametrize("flags", [(), ("--train.workers", "2"), ("--train.restarts", "1")])
def test_training_saves(folder: Path, flags: tuple[str, ...]) -> None:
    words = ("train", "reach.yaml", "--name", "run", *flags)
    assert _code(folder, "runs/run/metrics.jsonl", *words) == 130
    assert _saved(folder / "runs" / "run")


def test_the_runs_of_a_sweep_save(folder: Path) -> None:
    assert _code(folder, "runs/sweep/t001*/metrics.jsonl", "sweep", "sweep.yaml") == 130
    runs = [path.parent for path in (folder / "runs" / "sweep").glob("t*/metrics.jsonl")]
    assert len(runs) == 2 and all(map(_saved, runs))


def test_training_a_pose_network_saves(folder: Path, can_render: None) -> None:  # noqa: F811
    render = [
        sys.executable,
        "-m",
        "sleight",
        "vision",
        "render",
        "--count",
        "4",
        "--out",
        "renders",
    ]
    subprocess.run(render, cwd=folder, capture_output=True, timeout=PATIENCE_S, check=True)
    words = ("--data", "renders", "--name", "pose", "--batch_size", "2")
    assert _code(folder, "runs/pose/metrics.jsonl", "vision", "train", *words) == 130
    assert last_steps(folder / "runs" / "pose" / "checkpoints") > 0
