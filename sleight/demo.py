"""`sleight demo`: the whole road in a few minutes, by the commands that a user would type."""

import argparse
import json
import math
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import ConfigError, SleightError
from .flags import Parser, check_count

ROOT = Path(__file__).resolve().parent.parent
CONFIG = ROOT / "configs" / "demo.yaml"
BUNDLE = ROOT / "pretrained" / "block"
EXPECTED = BUNDLE / "demo.jsonl"
"""The curve of a run that began as this one does."""
STARTUP_S = 60.0


def demo(argv: list[str]) -> int:
    """Train from the shipped policy with ADR, evaluate, export, run on a simulated rig, report."""
    parser = Parser(prog="sleight demo", description=demo.__doc__)
    parser.add_argument(
        "--train-steps", type=int, default=200_000, help="control steps of training"
    )
    parser.add_argument("--trials", type=int, default=50, help="of the evaluation")
    parser.add_argument("--rig-s", type=float, default=60.0, help="time on the simulated rig")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="where the run goes")
    parser.add_argument("--bundle", type=Path, default=BUNDLE, help="a bundle with its checkpoint/")
    given = parser.parse_args(argv)
    _check(given)
    name = f"demo-{time.strftime('%Y%m%d-%H%M%S')}"
    run = given.runs / name
    began = time.monotonic()
    _title(1, "train on from the shipped policy, with automatic domain randomization")
    _sleight(
        "train", str(CONFIG), "--name", name, "--runs", str(given.runs),
        "--steps", str(given.train_steps), "--warm_start", str(given.bundle / "checkpoint"),
    )  # fmt: skip
    _title(2, "evaluate the shipped bundle in fresh worlds")
    _sleight("eval", str(given.bundle), "--trials", str(given.trials), "--json", f"{run}/eval.json")
    _title(3, "export what was trained")
    _sleight("export", str(run), "--out", str(run / "bundle"))
    _title(4, f"run the shipped bundle on a simulated rig for {given.rig_s:.0f} s, in real time")
    rig = _on_the_rig(given.bundle, run, given.rig_s)
    _title(5, "film it and write the report")
    _sleight("play", str(given.bundle), "--video", str(run / "videos" / "shipped.mp4"))
    known = ["--expected", str(EXPECTED)] if EXPECTED.is_file() else []
    _sleight("report", str(run), "--rig", str(rig), *known)
    sys.stdout.write(f"\n{time.monotonic() - began:.0f} s. Open {run.resolve() / 'report.html'}\n")
    return 0


def _check(given: argparse.Namespace) -> None:
    """Raise ConfigError before minutes of training for what would end them."""
    check_count("--train-steps", given.train_steps)
    check_count("--trials", given.trials)
    if not 0 < given.rig_s < math.inf:
        raise ConfigError(f"--rig-s: got {given.rig_s:g}, allowed: above 0")
    for path in (CONFIG, given.bundle / "bundle.json", given.bundle / "checkpoint"):
        if not path.exists():
            raise ConfigError(f"demo: got no {path}, allowed: a checkout of the sources")


def _title(number: int, text: str) -> None:
    sys.stdout.write(f"\n[{number}/5] {text}\n")
    sys.stdout.flush()


def _sleight(*words: str) -> None:
    command = [sys.executable, "-m", "sleight", *words]
    code = subprocess.run(command, check=False).returncode
    if code:
        raise SleightError(f"demo: `sleight {' '.join(words)}` ended with exit code {code}")


def _on_the_rig(bundle: Path, run: Path, seconds: float) -> Path:
    """Check and run the bundle on a rig process of its own; returns the rig run's folder."""
    with _rig_sim(run / "rig-sim.jsonl") as (hand, referee):
        rig = (
            str(bundle), "--hand.port", hand.rpartition(":")[2],
            "--referee.port", referee.rpartition(":")[2], "--log.dir", str(run / "rig"),
        )  # fmt: skip
        _sleight("rig", "check", *rig)
        _sleight("rig", "run", *rig, "--duration_s", str(seconds), "--yes-sim")
    return max((run / "rig").glob("rig-*"), key=lambda folder: folder.stat().st_mtime)


@contextmanager
def _rig_sim(log: Path) -> Iterator[tuple[str, str]]:
    """A simulated rig on free ports: yields the addresses of hand and referee."""
    command = [sys.executable, "-m", "sleight", "rig", "sim", "--port", "0", "--referee_port", "0"]
    process = subprocess.Popen([*command, "--log", str(log)], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.findall(r"[\w.:\[\]]+:\d+", line)
        if len(found) != 2:
            raise SleightError(f"demo: the simulated rig did not start: {json.dumps(line)}")
        yield found[0], found[1]
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(STARTUP_S)
