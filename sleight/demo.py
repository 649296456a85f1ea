"""`sleight demo`: training, evaluation, export and a simulated rig, by the commands of a user."""

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
"""The training curve of a reference run with the same start."""
STARTUP_S = 60.0


def demo(argv: list[str]) -> int:
    """Fine-tune the shipped policy with ADR, evaluate, export, run on a simulated rig, report."""
    parser = Parser(prog="sleight demo", description=demo.__doc__)
    parser.add_argument(
        "--train-steps",
        type=int,
        default=200_000,
        help="length of training in control steps (default: %(default)s)",
    )
    parser.add_argument(
        "--trials", type=int, default=50, help="trials of the evaluation (default: %(default)s)"
    )
    parser.add_argument(
        "--rig-s", type=float, default=60.0,
        help="time on the simulated rig in seconds (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--runs", type=Path, default=Path("runs"), help="folder for the run (default: %(default)s)"
    )
    parser.add_argument(
        "--bundle", type=Path, default=BUNDLE,
        help="bundle to fine-tune; needs checkpoint/ (default: the shipped one)",
    )  # fmt: skip
    parsed = parser.parse_args(argv)
    _check(parsed)
    name = f"demo-{time.strftime('%Y%m%d-%H%M%S')}"
    run = parsed.runs / name
    start_s = time.monotonic()
    _title(1, "fine-tune the shipped policy with automatic domain randomization")
    _sleight(
        "train", str(CONFIG), "--name", name, "--runs", str(parsed.runs),
        "--steps", str(parsed.train_steps), "--warm_start", str(parsed.bundle / "checkpoint"),
    )  # fmt: skip
    _title(2, "evaluate the shipped bundle in fresh worlds")
    _sleight(
        "eval", str(parsed.bundle), "--trials", str(parsed.trials), "--json", f"{run}/eval.json"
    )
    _title(3, "export the fine-tuned policy")
    _sleight("export", str(run), "--out", str(run / "bundle"))
    _title(4, f"run the shipped bundle on a simulated rig for {parsed.rig_s:.0f} s, in real time")
    rig = _on_the_rig(parsed.bundle, run, parsed.rig_s)
    _title(5, "record a video and write the report")
    _sleight("play", str(parsed.bundle), "--video", str(run / "videos" / "shipped.mp4"))
    reference = ["--expected", str(EXPECTED)] if EXPECTED.is_file() else []
    _sleight("report", str(run), "--rig", str(rig), *reference)
    sys.stdout.write(
        f"\n{time.monotonic() - start_s:.0f} s. Open {run.resolve() / 'report.html'}\n"
    )
    return 0


def _check(parsed: argparse.Namespace) -> None:
    """Raise ConfigError for bad arguments before the training begins."""
    check_count("--train-steps", parsed.train_steps)
    check_count("--trials", parsed.trials)
    if not 0 < parsed.rig_s < math.inf:
        raise ConfigError(f"--rig-s: got {parsed.rig_s:g}, allowed: above 0")
    for path in (CONFIG, parsed.bundle / "bundle.json", parsed.bundle / "checkpoint"):
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
    """Check and run the bundle on a separate rig process; returns the folder of the rig run."""
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
        addresses = re.findall(r"[\w.:\[\]]+:\d+", line)
        if len(addresses) != 2:
            raise SleightError(f"demo: the simulated rig did not start: {json.dumps(line)}")
        yield addresses[0], addresses[1]
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(STARTUP_S)
