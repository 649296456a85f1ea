"""`sleight bench peers`: real workers in real processes, and what becomes of those that fail."""

import math
import runpy
import statistics
import sys
from pathlib import Path

import pytest

from sleight.cli import main
from sleight.errors import ConfigError, ConnectError

FOLDER = Path(__file__).parents[2] / "benchmarks" / "speed"
BENCH = runpy.run_path(str(FOLDER / "peers.py"))
TRAIN = runpy.run_path(str(FOLDER / "train_peers.py"))
Peer, Worker = BENCH["Peer"], BENCH["Worker"]
SHARED = BENCH["report"].__globals__
WORLDS, WAIT_S = 3, 300.0
LOOP = BENCH["ENVIRONMENTS"]["loop"]


@pytest.fixture(scope="module")
def replay(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("replay")
    BENCH["write_replay"](WORLDS, folder)
    return str(folder)


def _start(peer: object, *arguments: str) -> object:
    return Worker(peer, [str(WORLDS), "1", *arguments], 1, WAIT_S)


def test_a_worker_steps_until_the_time_is_over_and_at_least_once(replay):
    worker = _start(LOOP, replay)
    try:
        assert worker.about["period_s"] == pytest.approx(0.08)
        assert worker.about["versions"]["mujoco"] and worker.about["worlds"] == WORLDS
        one = worker.work(0.0, "wall", WAIT_S)
        assert one.steps == WORLDS and 0.0 < one.cpu_s < 1.0 and one.memory_mb > 10
        for clock in ("wall", "cpu"):
            turn = worker.work(0.2, clock, WAIT_S)
            assert turn.time_s(clock) >= 0.2 and turn.steps % WORLDS == 0 and turn.steps > WORLDS
    finally:
        worker.close()
    with pytest.raises((ConnectError, ValueError)):
        worker.work(0.0, "wall", 1.0)


def test_all_take_turns_and_one_that_dies_is_said_and_left_out(replay, capsys):
    peers = {"loop": LOOP, "rollout": BENCH["ENVIRONMENTS"]["rollout"]}
    peers["none"] = Peer("no such part", LOOP.worker, "nothing")
    with BENCH["started"](peers, lambda peer: _start(peer, replay)) as workers:
        assert list(workers) == ["loop", "rollout"]
        assert (
            capsys.readouterr().out == "left out: no such part: exit code 1: KeyError: 'nothing'\n"
        )
        turns = []

        def turn(worker: object) -> object:
            turns.append(worker)
            if len(turns) == 4:
                worker._process.kill()
            return worker.work(0.0, "wall", WAIT_S)

        results = BENCH["run_rounds"](
            peers,
            workers,
            turn,
            lambda turn, worker: turn.steps / turn.seconds,
            lambda result: len(result.turns) == 3,
        )
    first, second = workers.values()
    assert turns == [first, second, first, second, first]
    assert (
        capsys.readouterr().out
        == "left out: mujoco.rollout, our model: exit code -9: without a word\n"
    )
    loop, rollout = results["loop"], results["rollout"]
    assert len(loop.rates) == 3 and len(rollout.rates) == 1 and loop.ratios == [1.0] * 3
    assert rollout.ratios[0] == pytest.approx(loop.rates[0] / rollout.rates[0])
    row = SHARED["table"](results, "steps/s", "the loop is").splitlines()[1]
    assert row.startswith(loop.title) and f"{statistics.median(loop.rates):,.1f}" in row


def test_the_first_has_to_start():
    broken = {"sleight": Peer("ours", "on_mujoco", "loop")}
    running = BENCH["started"](broken, lambda peer: _start(peer, "/no/such/folder"))
    with pytest.raises(ConnectError, match="^ours: exit code 1: "), running:
        pass


def test_results_are_drawn(tmp_path):
    results = {}
    for name, rates in {"a": [3.0, 4.0, 5.0], "b": [400.0, 410.0, 430.0]}.items():
        results[name] = BENCH["run_rounds"].__globals__["Result"](name, {}, rates=rates)
    SHARED["draw"](results, "hand s/s", tmp_path / "bars.png")
    assert (tmp_path / "bars.png").read_bytes().startswith(b"\x89PNG")


def test_curves_are_successes_per_minute_of_hand_time(tmp_path):
    turn_of = sys.modules["_peers.worker_process"].Turn
    turns = [turn_of(1200, 3.0, 6.0, 1.0, {"successes": n, "drops": 1.0}) for n in (2.0, 8.0)]
    per_minute = TRAIN["per_minute"]
    assert per_minute(turns[:1], 0.1, "successes") == 1.0
    assert per_minute(turns, 0.1, "successes") == 2.5
    result = sys.modules["_peers.race"].Result("a", {"period_s": 0.1}, turns=turns)
    TRAIN["draw_curves"]({"a": result}, "cpu", tmp_path / "curves.png")
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["peers", "--peers", "loop,mjz"], "--peers: got mjz, did you mean 'mjx'?"),
        (["peers", "--rounds", "0"], "--rounds: got 0, allowed: an integer >= 1"),
        (["peers", "--clock", "sun"], "sleight bench peers: argument --clock: "),
        (["train_peers", "--peers", "sb4"], "--peers: got sb4, did you mean 'sb3'?"),
        (["train_peers", "--minutes", "-1"], "--minutes: got -1, allowed: 0 or more"),
    ],
)
def test_what_cannot_be_is_one_line(words, says, capsys):
    assert main(["bench", *words]) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith(f"error: {says}") and captured.err.count("\n") == 1
    assert captured.out == ""


def test_every_peer_has_its_script_and_its_pins():
    for peer in (*BENCH["ENVIRONMENTS"].values(), *TRAIN["LEARNERS"].values()):
        assert (FOLDER / "_peers" / "workers" / f"{peer.worker}.py").is_file()
        if peer.requirements:
            pins = (FOLDER / "_peers" / "requirements" / f"{peer.requirements}.txt").read_text()
            lines = [line for line in pins.splitlines() if not line.startswith("#")]
            assert lines and all("==" in line for line in lines)


def test_ours_is_always_among_the_chosen():
    names = BENCH["chosen"]("loop,loop", BENCH["ENVIRONMENTS"])
    assert list(names) == ["sleight", "loop"]
    assert list(BENCH["chosen"]("", BENCH["ENVIRONMENTS"])) == list(BENCH["ENVIRONMENTS"])


@pytest.mark.slow
def test_a_peer_that_cannot_be_installed_says_why(tmp_path, monkeypatch):
    environment = sys.modules["_peers.environment"]
    (tmp_path / "none.txt").write_text("./no-such-package\n")
    monkeypatch.setattr(environment, "REQUIREMENTS", tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with pytest.raises(ConfigError, match=r"^none.txt: cannot be installed: .*no-such-package"):
        environment.python_of(Peer("nobody", "on_mujoco", "loop", "none"))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["sleight", "cleanrl"])
def test_a_learner_learns_in_whole_updates_and_counts(name):
    peer = TRAIN["LEARNERS"][name]
    worker = Worker(peer, ["8", "1"], 1, WAIT_S)
    try:
        turn = worker.work(0.0, "cpu", WAIT_S)
        assert turn.steps == 8 * 64 and set(turn.counts) == {"successes", "drops"}
        assert all(count >= 0 and math.isfinite(count) for count in turn.counts.values())
    finally:
        worker.close()
