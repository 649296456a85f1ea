"""The page of a run on a hand, and what it measured as ranges that training takes."""

import html.parser
import json

import numpy as np
import pytest

from sleight.cli import main
from sleight.config import load
from sleight.deploy.calibration.measured_ranges import (
    Measured,
    measure,
    measured_yaml,
    ranges,
)
from sleight.deploy.logs.log_read import read_log
from sleight.deploy.logs.run_log import RunLog
from sleight.envs.hands.shadow import SHADOW_RIGHT as HAND
from sleight.envs.randomization.world_source import FixedRanges
from sleight.train.config import TrainConfig
from tests.deploy.logs.test_run_log import PERIOD_S, jpeg

NOISE_RAD = 0.004


def turn(k, rng, phase, **changes):
    """A turn whose joints are noisy and whose object rests."""
    noise = NOISE_RAD * rng.standard_normal(24)
    return {
        "k": k, "late_s": 0.001, "dropped": 0, "phase": phase, "trial": 1, "note": "",
        "goal": None, "joint_position": HAND.joint_target(HAND.home) + noise,
        "joint_velocity": np.zeros(24), "hand_age_s": 0.004, "pose_age_s": 0.010, "pose_new": True,
        "object_position": [0.0, 0.0, 0.03], "object_wxyz": [1.0, 0.0, 0.0, 0.0],
        "sent_s": 0.005, "round_trip_s": 0.008, "action": None, "asked": HAND.home,
        "applied": HAND.home, **changes,
    }  # fmt: skip


@pytest.fixture
def folder(tmp_path):
    """A run's folder with 200 turns at rest and 50 in a trial, in which everything moves."""
    place = tmp_path / "rig-swing"
    place.mkdir()
    rng = np.random.default_rng(0)
    log = RunLog(place / "run.mcap", HAND, PERIOD_S)
    log.write("start", period_s=PERIOD_S, bundle={"name": "swing <b>", "sha256": "ab" * 32},
              rig={"name": "lab1", "serial": "1066"}, goal_seed=7, realtime=True)  # fmt: skip
    for k in range(250):
        moving = {"joint_position": rng.standard_normal(24), "late_s": 0.03, "sent_s": 0.034,
                  "note": "the loop was late too often"} if k >= 200 else {}  # fmt: skip
        log.write("turn", **turn(k, rng, "trial" if moving else "settle", **moving))
    log.image("left", jpeg("red"), 0.01)
    log.close()
    log.check()
    trials = [{"successes": s, "ending": e, "duration_s": 9.0, "holds": 0}
              for s, e in ((3, "dropped"), (11, "timeout"), (4, "cut"))]  # fmt: skip
    result = {"end": "done", "mean": 7.0, "standard_error": 4.0, "median": 7.0, "max": 11,
              "complete": 2, "holds": 1, "hand": {"simulated": True}, "per_trial": trials,
              "gate_hits": {"speed:FFJ3": 12, "error:FFJ3": 3, "speed:THJ1": 40}}  # fmt: skip
    (place / "result.json").write_text(json.dumps(result))
    return place


def test_latency_and_noise_are_measured_by_hand(folder):
    """4 ms old when read, sent 4 ms after the turn began, answered after 8: 16 ms. A pose of 10 ms
    is an eighth of a step old."""
    found = measure(read_log(folder))
    assert len(found.joint_rad) == 199  # pairs at rest, and none in the trial
    np.testing.assert_allclose(found.latency_s, 0.016)
    np.testing.assert_allclose(ranges(found)["action.latency"], 16.0)
    np.testing.assert_allclose(ranges(found)["observation.delay"], 0.125)
    assert np.median(found.skew_s) == pytest.approx(0.006)
    # The median of 24 absolute deviations is a little off the standard deviation.
    assert np.median(found.joint_rad) == pytest.approx(NOISE_RAD, rel=0.15)
    low, high = ranges(found)["observation.noise"]
    assert low == 0.0  # the pose did not move at all
    assert high == pytest.approx(NOISE_RAD / 0.01, rel=0.15)


def test_training_takes_the_ranges(folder, tmp_path, capsys):
    path = tmp_path / "lab1.yaml"
    assert main(["rig", "report", str(folder), "--as-ranges", str(path)]) == 0
    assert capsys.readouterr().out.split() == [str(folder / "report.html"), str(path)]
    assert "# latency, state to command: " in path.read_text()
    config = load(TrainConfig, path)
    assert set(config.env.randomization) == {
        "action.latency", "observation.delay", "observation.noise",
    }  # fmt: skip
    FixedRanges(config.env.randomization, 0)  # within the table's limits, or it raises
    training = tmp_path / "train.yaml"
    training.write_text("base: lab1.yaml\nname: for_lab1\n")
    assert load(TrainConfig, training).env.randomization == config.env.randomization


def test_a_rig_that_is_later_than_training_can_be_gives_what_training_takes(tmp_path):
    found = Measured(0.08, latency_s=[0.05 + 0.001 * i for i in range(40)])
    assert ranges(found) == {"action.latency": (pytest.approx(51.95), 60.0)}
    path = tmp_path / "late.yaml"
    path.write_text(measured_yaml(found, "a slow rig"))
    assert "to the hand's answer, cut to what training allows" in path.read_text()
    FixedRanges(load(TrainConfig, path).env.randomization, 0)


def test_too_few_samples_give_no_range(tmp_path):
    log = RunLog(tmp_path / "run.mcap", HAND, PERIOD_S)
    for k in range(5):
        log.write("turn", **turn(k, np.random.default_rng(0), "settle"))
    log.close()
    found = measure(read_log(tmp_path))
    assert ranges(found) == {}
    (tmp_path / "empty.yaml").write_text(measured_yaml(found, "five turns"))
    assert load(TrainConfig, tmp_path / "empty.yaml").env.randomization == {}


class Page(html.parser.HTMLParser):
    """Its text, and what it would load."""

    def __init__(self, text):
        super().__init__()
        self.words, self.loads = [], []
        self.feed(text)

    def handle_data(self, data):
        self.words.append(data)

    def handle_starttag(self, tag, attributes):
        self.loads += [value for name, value in attributes if name in ("src", "href")]


def test_the_page_tells_of_trials_timing_gate_and_frames(folder, capsys):
    assert main(["rig", "report", str(folder)]) == 0
    page = Page((folder / "report.html").read_text())
    text = " ".join(" ".join(page.words).split())
    assert "swing <b> on lab1" in text
    assert "7.00 ± 4.00" in text
    assert "11, 3" in text  # complete trials, sorted; the cut one is only in the list below
    assert "timing.json: no such file; shown is what the log holds" in text
    for title in ("Timing", "What the gate changed", "Holds", "The rig, as measured", "Frames"):
        assert title in text
    assert text.index("THJ1") < text.index("FFJ3")  # the one that was clamped most comes first
    assert "the loop was late too often 50" in text
    assert "left, 0.0 s" in text
    assert [load[:22] for load in page.loads] == ["data:image/jpeg;base64"]


def test_a_run_that_was_killed_still_has_a_page(folder):
    (folder / "result.json").unlink()
    whole = (folder / "run.mcap").read_bytes()
    (folder / "run.mcap").write_bytes(whole[:-200])
    assert main(["rig", "report", str(folder)]) == 0
    text = (folder / "report.html").read_text()
    assert "result.json: no such file; shown is what the log holds" in text
    assert "Start after the deadline" in text


def test_what_is_no_run_is_one_line(refused, tmp_path):
    assert "no such log; allowed: a run's folder" in refused(2, "report", str(tmp_path))
    assert "got no run, allowed: RUN" in refused(2, "report")
    assert "did you mean 'as_ranges'" in refused(2, "report", str(tmp_path), "--as-range", "x")
