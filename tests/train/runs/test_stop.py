"""Ctrl-C and kill: what was promised to be kept is kept."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from sleight import stop_signals
from sleight.config import save as save_config
from sleight.train.config import TrainConfig
from sleight.train.runs import checkpoint, checkpoint_files
from sleight.train.runs import supervisor as supervise
from sleight.train.runs.interrupt import Interrupt
from sleight.train.runs.metrics import read_metrics
from sleight.train.runs.session import resume, start

ROOT = Path(__file__).parents[3]
PATIENCE_S = 90.0


@pytest.fixture(autouse=True)
def _interruptible() -> Iterator[None]:
    """As on a terminal, also where the tests run in a shell's background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def heeds_hang_ups() -> Iterator[None]:
    """As on a terminal, also where the tests run under nohup."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


def _interrupt_after(seconds: float, times: int = 1, pause_s: float = 0.3) -> threading.Thread:
    def press() -> None:
        for _ in range(times):
            time.sleep(seconds if _ == 0 else pause_s)
            os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=press)
    thread.start()
    return thread


def test_the_first_is_noted_and_the_second_stops(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(KeyboardInterrupt), Interrupt() as stop:
        assert not stop()
        signal.raise_signal(signal.SIGINT)
        assert stop()
        assert "Ctrl-C again stops at once" in capfd.readouterr().err
        signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_second_that_python_drops_comes_again() -> None:
    class Finalized:
        def __del__(self) -> None:
            signal.raise_signal(signal.SIGINT)

    before = sys.unraisablehook
    with pytest.raises(KeyboardInterrupt), Interrupt():
        signal.raise_signal(signal.SIGINT)
        Finalized()  # the KeyboardInterrupt cannot leave it
        time.sleep(PATIENCE_S)
        pytest.fail("nothing came")
    assert sys.unraisablehook is before


def test_a_scheduler_that_takes_the_machine_away_is_noted() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with Interrupt() as stop:
        signal.raise_signal(signal.SIGTERM)
        assert stop()
        assert signal.getsignal(signal.SIGTERM) is before  # a second one ends the process
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_hang_up_that_comes_twice_is_one(heeds_hang_ups: None) -> None:
    with Interrupt() as stop:
        signal.raise_signal(signal.SIGHUP)
        assert stop()
        signal.raise_signal(signal.SIGHUP)  # from the kernel, and from the shell
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_a_hang_up_after_sigterm_does_not_end_the_saving(heeds_hang_ups: None) -> None:
    with Interrupt() as stop:
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGHUP)  # as systemd sends it
        assert stop()


def test_what_nohup_ignores_stays_ignored(heeds_hang_ups: None) -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with Interrupt() as stop:
        signal.raise_signal(signal.SIGHUP)
        assert not stop()


def test_a_signal_is_noted_where_nobody_reads(
    heeds_hang_ups: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(descriptor: int, data: bytes) -> int:
        raise BrokenPipeError

    monkeypatch.setattr(os, "write", gone)
    with Interrupt() as stop:
        signal.raise_signal(signal.SIGHUP)
        assert stop()


def test_afterwards_the_signal_is_what_it_was() -> None:
    with Interrupt():
        assert signal.getsignal(signal.SIGINT) is not signal.default_int_handler
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with Interrupt() as stop:
        signal.raise_signal(signal.SIGINT)
        assert not stop()
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def test_another_thread_trains_without_signals(reach_config: TrainConfig, tmp_path: Path) -> None:
    folders: list[Path] = []
    config = replace(reach_config, runs=str(tmp_path), name="threaded", steps=128)
    hook = sys.unraisablehook
    thread = threading.Thread(target=lambda: folders.append(start(config)))
    thread.start()
    while thread.is_alive():
        assert sys.unraisablehook is hook
        thread.join(0.01)
    assert checkpoint.load(folders[0]).meta["steps"] == 128


def test_a_second_interrupt_stops_at_once_and_loses_nothing_that_was_saved(
    reach_config: TrainConfig, tmp_path: Path
) -> None:
    folder = start(replace(reach_config, runs=str(tmp_path), name="long"))
    before = {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    # An iteration that would take minutes.
    words = ["--steps", "1e9", "--rollout.horizon", "4096", "--ppo.epochs", "100"]
    presses, began = _interrupt_after(2.0, times=2), time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        resume(folder, words)
    assert time.monotonic() - began < 15
    presses.join()
    after = {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    assert after.pop(folder / "config.yaml") != before.pop(folder / "config.yaml")
    assert after == before


def test_a_pause_is_exact_and_changes_nothing(reach_config: TrainConfig, tmp_path: Path) -> None:
    config = replace(reach_config, runs=str(tmp_path))
    whole = start(replace(config, name="whole"))
    paused = start(replace(config, name="paused", pause_steps=200))
    assert checkpoint.load(paused).meta["steps"] == 256, "the end of the iteration that passes it"
    resume(paused, [])  # it is there already
    assert checkpoint.load(paused).meta["steps"] == 256
    resume(paused, ["--pause_steps", "0"])
    rows = [read_metrics(run / "metrics.jsonl") for run in (whole, paused)]
    kept = ("steps", "kl", "reward_mean", "entropy", "learning_rate")
    assert [[r[k] for k in kept] for r in rows[0]] == [[r[k] for k in kept] for r in rows[1]]


class _Child:
    """`sleight train` in a process of its own."""

    def __init__(self, *words: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "sleight", "train", *words],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def wait_for(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            assert self.process.poll() is None, self.process.communicate()
            assert time.monotonic() < deadline, "nothing happens"
            time.sleep(0.02)

    def end(self, number: int) -> tuple[int, str, str]:
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=PATIENCE_S)
        return self.process.returncode, out, err


@pytest.mark.parametrize("restarts", [0, 2])
def test_a_connection_that_drops_saves(
    reach_config: TrainConfig, tmp_path: Path, heeds_hang_ups: None, restarts: int
) -> None:
    config = replace(reach_config, runs=str(tmp_path), name="run", steps=10**9)
    save_config(config, tmp_path / "reach.yaml")
    folder = tmp_path / "run"
    child = _Child(str(tmp_path / "reach.yaml"), "--train.restarts", str(restarts))
    child.wait_for(lambda: len(read_metrics(folder / "metrics.jsonl")) >= 3)
    child.process.send_signal(signal.SIGHUP)
    code, _, err = child.end(signal.SIGHUP)
    assert code == 130 and "Traceback" not in err and "continue with" in err
    assert checkpoint.load(folder).meta["steps"] == _steps(folder)


@pytest.mark.parametrize("restarts", [0, 1])
def test_a_run_whose_reader_leaves_goes_on_and_says_so(
    reach_config: TrainConfig, tmp_path: Path, restarts: int
) -> None:
    config = replace(reach_config, runs=str(tmp_path), name="run", steps=20 * 128)
    save_config(config, tmp_path / "reach.yaml")
    words = [sys.executable, "-m", "sleight", "train", str(tmp_path / "reach.yaml")]
    words += ["--train.restarts", str(restarts)]
    reader, writer = os.pipe()
    os.close(reader)
    process = subprocess.Popen(words, cwd=ROOT, stdout=writer, stderr=writer)
    os.close(writer)
    assert process.wait(PATIENCE_S) == 5
    assert checkpoint.load(tmp_path / "run").meta["steps"] == 20 * 128


def test_the_program_interrupted_killed_and_resumed(
    reach_config: TrainConfig, tmp_path: Path
) -> None:
    config = replace(reach_config, runs=str(tmp_path), name="run", steps=10**9, checkpoint_s=1.0)
    save_config(config, tmp_path / "reach.yaml")
    folder = tmp_path / "run"

    child = _Child(str(tmp_path / "reach.yaml"))
    child.wait_for(lambda: len(read_metrics(folder / "metrics.jsonl")) >= 3)
    code, out, err = child.end(signal.SIGTERM)
    assert (code, out) == (130, "")
    assert f"continue with: sleight train --resume {folder}" in err and "Traceback" not in err
    interrupted = checkpoint.load(folder).meta["steps"]
    assert interrupted == read_metrics(folder / "metrics.jsonl")[-1]["steps"] >= 3 * 128

    child = _Child("--resume", str(folder))
    child.wait_for(lambda: int(checkpoint_files.find(folder).name) > interrupted)
    child.wait_for(lambda: _steps(folder) > int(checkpoint_files.find(folder).name))
    code, _, _ = child.end(signal.SIGKILL)
    assert code == -signal.SIGKILL
    saved = checkpoint.load(folder).meta["steps"]
    assert saved > interrupted

    resume(folder, ["--steps", str(saved + 128)])
    rows = [row["steps"] for row in read_metrics(folder / "metrics.jsonl")]
    assert rows == list(range(128, saved + 129, 128))


@pytest.mark.slow
def test_a_run_that_is_killed_goes_on_by_itself(reach_config: TrainConfig, tmp_path: Path) -> None:
    config = replace(reach_config, runs=str(tmp_path), name="run", steps=10**9, checkpoint_s=1.0)
    save_config(config, tmp_path / "reach.yaml")
    folder = tmp_path / "run"
    child = _Child(str(tmp_path / "reach.yaml"), "--train.restarts", "2")

    child.wait_for((folder / "config.yaml").exists)
    child.wait_for(lambda: len(read_metrics(folder / "metrics.jsonl")) >= 2)
    assert not checkpoint_files.complete(folder / "checkpoints")
    first = _learner(child.process.pid)
    os.kill(first, signal.SIGKILL)  # with nothing saved: from the start
    child.wait_for(lambda: len(checkpoint_files.complete(folder / "checkpoints")) > 0)
    second = _learner(child.process.pid)
    assert second != first
    os.kill(second, signal.SIGKILL)
    saved = checkpoint.load(folder).meta["steps"]
    child.wait_for(lambda: _steps(folder) > saved + 5 * 128)
    child.wait_for(lambda: _learner(child.process.pid) not in (0, first, second))
    code, out, err = child.end(signal.SIGINT)
    assert (code, out) == (130, "")
    assert err.count("killed by SIGKILL; going on") == 2 and "Traceback" not in err
    assert "continue with: sleight train --resume" in err
    rows = [row["steps"] for row in read_metrics(folder / "metrics.jsonl")]
    assert rows == list(range(128, rows[-1] + 1, 128))


def test_a_run_that_was_told_to_stop_and_dies_of_it_stays_stopped(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """As when the signal comes just after a kill, or a library makes a crash of it."""
    code = "import os, signal, time; signal.signal(2, lambda *_: os.kill(os.getpid(), 9)); "
    code += "open('ready', 'w').close(); time.sleep(60)"
    popen = subprocess.Popen
    monkeypatch.setattr(
        stop_signals.subprocess,
        "Popen",
        lambda words, **options: popen([sys.executable, "-c", code], cwd=tmp_path, **options),
    )

    def press() -> None:
        while not (tmp_path / "ready").exists():
            time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=press)
    thread.start()
    assert supervise.supervise(["any.yaml"], tmp_path, 5) == 128 + signal.SIGKILL
    thread.join()
    assert capfd.readouterr().err == ""


def _learner(parent: int) -> int:
    """The only child of a process, 0 while it has none."""
    found = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(parent)], capture_output=True, text=True
    )
    return int(found.stdout.split()[0]) if found.stdout.split() else 0


def _steps(folder: Path) -> int:
    return int(read_metrics(folder / "metrics.jsonl")[-1]["steps"])
