"""Nothing runs without a check of the same rig within a day, and nothing real without a word."""

import json
import time
from pathlib import Path

import pytest

from sleight.deploy.checks.clearance import confirm, find_record, write_record
from sleight.deploy.rig_file import LogEntry, RigConfig, RigEntry
from sleight.errors import ConfigError

HOUR_S = 3600.0


@pytest.fixture
def config(tmp_path):
    return RigConfig(rig=RigEntry(name="lab1"), log=LogEntry(dir=tmp_path))


def record(**changes):
    return {"ok": True, "wall": time.time(), "fingerprint": "F", "simulated": False,
            "failed": [], **changes}  # fmt: skip


def test_no_check_or_that_of_another_rig_is_refused(config):
    with pytest.raises(ConfigError, match=r"^lab1: got no check of this rig .* in .*/checks, "):
        find_record(config, "F")
    write_record(config, record(fingerprint="of another"))
    with pytest.raises(ConfigError, match="got no check of this rig and policy"):
        find_record(config, "F")


def test_a_check_counts_for_a_day(config):
    now_s = time.time()
    write_record(config, record(wall=now_s - 23.9 * HOUR_S))
    assert find_record(config, "F")["simulated"] is False
    with pytest.raises(ConfigError, match=r"got a check 24.1 hours old, allowed: one of the last"):
        find_record(config, "F", now_s + 0.2 * HOUR_S)
    with pytest.raises(ConfigError, match=r"got a check -25.1 hours old"):  # a clock set back
        find_record(config, "F", now_s - 49 * HOUR_S)


def test_the_newest_check_counts_and_all_are_kept(config, tmp_path):
    now_s = time.time()
    write_record(config, record(wall=now_s - 10.0))
    write_record(config, record(wall=now_s, ok=False, failed=["bundle", "pose"]))
    write_record(config, record(wall=now_s - 5.0))
    with pytest.raises(ConfigError, match=r"got a check that failed \(bundle, pose\)"):
        find_record(config, "F")
    assert len(list((tmp_path / "checks").glob("lab1-*.json"))) == 3


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"ok": true}', json.dumps(record(wall="now")),
             '{"ok": true, "wall": NaN, "fingerprint": "F", "failed": [], "simulated": true}'],
)  # fmt: skip
def test_what_is_no_record_is_not_one(config, tmp_path, text):
    (tmp_path / "checks").mkdir()
    Path(tmp_path, "checks", "lab1-x.json").write_text(text)
    with pytest.raises(ConfigError, match="got no check"):
        find_record(config, "F")


def never(prompt):
    raise AssertionError(prompt)


def test_a_real_hand_is_armed_by_its_name_alone(config):
    asked = []
    confirm(config, record(), False, lambda prompt: asked.append(prompt) or " lab1 ")
    assert "lab1 is a REAL hand, and it will move" in asked[0]
    for typed in ("", "yes", "Lab1", "y"):
        with pytest.raises(ConfigError, match=r"arming: got .*, allowed: lab1; nothing has moved"):
            confirm(config, record(), False, lambda prompt, typed=typed: typed)
    with pytest.raises(ConfigError, match="--yes-sim: got lab1, a real hand, allowed: a simulated"):
        confirm(config, record(), True, never)
    confirm(config, record(simulated=True), True, never)
