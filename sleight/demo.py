"""`sleight demo`: training, evaluation, export and a simulated rig, by the commands of a user."""

import argparse
import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path

from .errors import ConfigError, SleightError
from .flags import Parser, check_count, output_folder
from .screen import UNSHOWN
from .stop_signals import run_child

HERE = Path(__file__).parent
CONFIG = HERE / "configs" / "demo.yaml"
BUNDLE = HERE / "pretrained" / "block"
BENCHMARKS = HERE.parent / "benchmarks"
"""Only in a clone: an installed package lacks them, and so the rigs without a clock."""
GOALS = "10"
"""Goals after which a trial ends, as in the training of `CONFIG`."""
STARTUP_S = 60.0


def demo(argv: list[str]) -> int:
    """Fine-tune the shipped policy with ADR, evaluate it, run it on simulated rigs, report."""
    parser = Parser(prog="sleight demo", description=demo.__doc__)
    add = parser.add_argument
    count = "{} (default: %(default)s)".format
    add(
        "--train-steps", type=int, default=200_000,
        help=count("length of training in control steps"),
    )  # fmt: skip
    add("--trials", type=int, default=50, help=count("trials in the nominal world"))
    add("--rigs", type=int, default=10, help=count("simulated rigs without a clock"))
    add("--rig-trials", type=int, default=2, help=count("trials on the rig in real time"))
    add("--runs", type=output_folder, default=Path("runs"), help=count("folder for the run"))
    add(
        "--bundle", type=Path, default=BUNDLE,
        help="bundle to fine-tune; needs checkpoint/ (default: the shipped one)",
    )  # fmt: skip
    parsed = parser.parse_args(argv)
    _check(parsed)
    run = parsed.runs / f"demo-{time.strftime('%Y%m%d-%H%M%S')}"
    start_s = time.monotonic()
    _train(parsed, run)
    failure = _measure(parsed, run)
    _title(5, "record a video and write the report")
    _sleight("play", str(run / "bundle"), "--video", str(run / "videos" / "policy.mp4"))
    _sleight("report", str(run))
    sys.stdout.write(
        f"\n{time.monotonic() - start_s:.0f} s. Open {run.resolve() / 'report.html'}\n"
    )
    if failure:
        raise failure
    return 0


def _train(parsed: argparse.Namespace, run: Path) -> None:
    """Fine-tune under ADR, and export."""
    _title(1, "fine-tune the shipped policy with automatic domain randomization")
    _sleight(
        "train", str(CONFIG), "--name", run.name, "--runs", str(parsed.runs),
        "--steps", str(parsed.train_steps), "--warm_start", str(parsed.bundle / "checkpoint"),
    )  # fmt: skip
    _title(2, "export it as the bundle that a robot runs")
    _sleight("export", str(run), "--out", str(run / "bundle"), "--max_successes", GOALS)


def _measure(parsed: argparse.Namespace, run: Path) -> SleightError | None:
    """Measure one bundle in the nominal world, on rigs without a clock, and on one in real time.

    Returns the error of a rig that could not run, for example on a busy machine, so that the
    report is still written.
    """
    bundle = str(run / "bundle")
    _title(3, f"evaluate it in the nominal world: {parsed.trials} trials of {GOALS} goals")
    _sleight(
        "eval", bundle, "--trials", str(parsed.trials), "--json", str(run / "eval.json"),
        "--goals.max_successes", GOALS,
    )  # fmt: skip
    rigs = f"{parsed.rigs} simulated rigs without a clock, beside one"
    _title(4, f"run it on {rigs if BENCHMARKS.is_dir() else 'one simulated rig'} in real time")
    command = (
        "bench", "sim_to_sim", bundle, "--variants", "none", "--trials", str(parsed.rigs),
        "--json", str(run / "transfer.json"),
    )  # fmt: skip
    try:
        with _beside(run / "transfer.log", *command) if BENCHMARKS.is_dir() else nullcontext():
            _on_the_rig(Path(bundle), run, parsed.rig_trials)
    except SleightError as error:
        return error
    return None


def _check(parsed: argparse.Namespace) -> None:
    """Raise ConfigError for bad arguments before the training begins."""
    check_count("--train-steps", parsed.train_steps)
    check_count("--trials", parsed.trials)
    check_count("--rigs", parsed.rigs)
    check_count("--rig-trials", parsed.rig_trials)
    for path in (CONFIG, parsed.bundle / "bundle.json", parsed.bundle / "checkpoint"):
        if not path.exists():
            raise ConfigError(f"demo: got no {path}, allowed: a checkout of the sources")


def _title(number: int, text: str) -> None:
    sys.stdout.write(f"\n[{number}/5] {text}\n")
    sys.stdout.flush()


def _command(*words: str) -> list[str]:
    return [sys.executable, "-m", "sleight", *words]


def _sleight(*words: str) -> None:
    code, stopped = run_child(_command(*words))
    if stopped:
        raise KeyboardInterrupt
    if code != UNSHOWN:  # its work is done
        _succeeded(words, code)


@contextmanager
def _beside(log: Path, *words: str) -> Iterator[None]:
    """A command that runs at low priority beside the body, with its output in `log`."""
    with log.open("w") as output:
        process = subprocess.Popen(
            ["nice", *_command(*words)], stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
        try:
            yield
        except KeyboardInterrupt:
            process.terminate()
            process.wait()
            raise
        except SleightError:
            _wait(log, process)
            raise
        _succeeded(words, _wait(log, process))


def _wait(log: Path, process: subprocess.Popen[bytes]) -> int:
    """Wait for a child; on Ctrl-C it ends too."""
    sys.stdout.write(f"waiting for the rigs without a clock: {log}\n")
    try:
        return process.wait()
    finally:
        process.terminate()


def _succeeded(words: Sequence[str], code: int) -> None:
    """Raise SleightError for a command that failed."""
    if code:
        raise SleightError(f"demo: `sleight {' '.join(words)}` ended with exit code {code}")


def _on_the_rig(bundle: Path, run: Path, trials: int) -> None:
    """Check and run the bundle on a separate rig process, in real time."""
    with _rig_sim(run / "rig-sim.jsonl") as (hand, referee):
        rig = (
            str(bundle), "--hand.port", hand.rpartition(":")[2],
            "--referee.port", referee.rpartition(":")[2], "--log.dir", str(run / "rig"),
        )  # fmt: skip
        _sleight("rig", "check", *rig)
        _sleight("rig", "run", *rig, "--trials", str(trials), "--yes-sim")


@contextmanager
def _rig_sim(log: Path) -> Iterator[tuple[str, str]]:
    """A simulated rig on free ports: yields the addresses of hand and referee."""
    words = ("rig", "sim", "--port", "0", "--referee_port", "0", "--log", str(log))
    process = subprocess.Popen(_command(*words), stdout=subprocess.PIPE, text=True)
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
