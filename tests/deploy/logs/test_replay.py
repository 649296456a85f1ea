"""A replay computes the same numbers, or says which one is not."""

import pytest

from sleight.cli import main
from sleight.contract.bundle import load_bundle
from sleight.deploy.logs.log_read import read_log
from sleight.deploy.logs.replay import replay
from sleight.deploy.logs.run_log import RunLog
from sleight.envs.hands.shadow import SHADOW_RIGHT as HAND
from sleight.errors import DataError
from tests.deploy.conftest import make_bundle
from tests.deploy.runtime.test_control_loop import PERIOD_S, Bench


@pytest.fixture
def log(bundle, tmp_path):
    """The log of two trials on fakes."""
    bench = Bench(bundle, tmp_path)
    graph = load_bundle(bundle).manifest.graph.sha256
    bench.log.write("start", bundle={"name": "swing", "folder": str(bundle), "sha256": graph},
                    goal_seed=0, period_s=PERIOD_S)  # fmt: skip
    bench.script.then(20).then(lateness_s=0.03).then(15)
    bench.run()
    return bench.path


def rewritten(path, change):
    records = read_log(path).records
    again = RunLog(path, HAND, PERIOD_S)
    for record in records:
        change(record)
        fields = {k: v for k, v in record.items() if k not in ("event", "wall_ns")}
        again.write(record["event"], **fields)
    again.close()
    again.check()
    return path


def test_every_step_comes_out_again(log, capsys):
    found = replay(log)
    assert found.steps == sum(turn["action"] is not None for turn in found.log.turns) > 25
    assert main(["rig", "replay", str(log)]) == 0
    assert f"{found.steps} policy steps recomputed" in capsys.readouterr().out


def test_a_log_survives_being_written_again(log):
    steps = replay(log).steps
    assert replay(rewritten(log, lambda record: None)).steps == steps


@pytest.mark.parametrize(
    ("name", "line"), [("asked", "target 4: got "), ("action", "action 4: got ")]
)
def test_one_bit_that_differs_is_found(log, name, line):
    def flip(record):
        if record["event"] == "turn" and record["k"] == 10:
            record[name][4] *= 1 + 3e-7

    with pytest.raises(DataError, match=rf"run.mcap: turn 10: {line}.* as logged"):
        replay(rewritten(log, flip))


def test_a_memory_that_differs_is_found(log):
    def change(record):
        if record["event"] == "turn" and record["k"] == 12:
            record["carry"] = "0" * 16

    with pytest.raises(DataError, match=r"turn 12: carry: got \w+, allowed: 0{16}, as logged"):
        replay(rewritten(log, change))


def test_another_bundle_is_refused(log, tmp_path):
    other = make_bundle(tmp_path / "other", swing_rad=0.06)
    with pytest.raises(DataError, match=r"bundle.sha256: got \w+... in .*other, allowed: \w+..., "):
        replay(log, other)


def test_a_cut_log_is_replayed_up_to_the_cut(log, capsys):
    whole = log.read_bytes()
    log.write_bytes(whole[:-400])
    assert main(["rig", "replay", str(log)]) == 0
    out, err = capsys.readouterr()
    assert "policy steps recomputed" in out
    assert "cut or damaged after" in err or "cut" not in err


def test_words_that_do_not_fit_are_one_line(refused, tmp_path):
    assert "replay: got 0 words, allowed: RUN [BUNDLE]" in refused(2, "replay")
    assert "got --seed, allowed" in refused(2, "replay", "run", "--seed")
    assert "no such log" in refused(2, "replay", str(tmp_path / "no"))
