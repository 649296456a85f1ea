"""The log is written off the loop's thread, and a full disk is one line."""

import json
import os
import time
from pathlib import Path

import numpy as np
import pytest

from sleight.deploy.run_log import LogError, RunLog


def test_records_are_lines_and_numbers_keep_every_bit(tmp_path):
    log = RunLog(tmp_path / "log.jsonl")
    values = np.random.default_rng(0).standard_normal(5)
    log.write("turn", q=values, none=None, small=np.float32(0.1))
    log.write("end", nested={"a": np.int64(3)})
    log.close()
    first, second = map(json.loads, (tmp_path / "log.jsonl").read_text().splitlines())
    np.testing.assert_array_equal(np.array(first["q"]), values)
    assert np.float32(first["small"]) == np.float32(0.1)
    assert second == {"event": "end", "nested": {"a": 3}}


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_told_to_the_loop_once_and_close_does_not_block():
    log = RunLog(Path("/dev/full"))
    with pytest.raises(LogError, match=r"^/dev/full: No space left on device; the log ends here$"):
        for _ in range(2000):
            log.write("turn", text="x" * 200)
            time.sleep(0.001)
    log.close()
    log.close()
    with pytest.raises(LogError):
        log.check()


def test_a_disk_that_is_too_slow_does_not_slow_the_loop(tmp_path):
    os.mkfifo(tmp_path / "log.jsonl")
    reader = os.open(tmp_path / "log.jsonl", os.O_RDONLY | os.O_NONBLOCK)
    log = RunLog(tmp_path / "log.jsonl")
    started_s = time.monotonic()
    with pytest.raises(LogError, match="the disk is too slow: 2000 lines wait for it"):
        for _ in range(10_000):
            log.write("turn", text="x" * 1000)
    assert time.monotonic() - started_s < 5.0
    os.close(reader)
    log.close()


def test_a_log_that_cannot_be_made_is_one_line(tmp_path):
    with pytest.raises(LogError, match=r"log.jsonl: cannot be written: No such file or directory"):
        RunLog(tmp_path / "nowhere" / "log.jsonl")
