"""`sleight bench timing`: a run in real time, with cameras and a pose network of the real size."""

import json
import re
from pathlib import Path

import pytest

from sleight.cli import main

SHIPPED = Path(__file__).parents[2] / "pretrained" / "block"


@pytest.mark.slow
@pytest.mark.parametrize("source", ["referee", "cameras"])
def test_the_loop_the_policy_and_the_pose_network_are_timed(tmp_path, capsys, source):
    path = tmp_path / "timing.json"
    words = ("--minutes", "0.15", "--pose_from", source, "--fps", "10", "--json", str(path))
    assert main(["bench", "timing", str(SHIPPED), *words, "--out", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert f"pose from {source}, pose network of the standard size, untrained" in out
    data = json.loads(path.read_text())
    timing = data["timing"]
    assert 0 < timing["ticks"] <= 0.15 * 60 * 12.5 + 2
    assert f"{timing['ticks']} turns, {timing['late_ticks']} late by 20 ms or more" in out
    assert timing["look_ms"]["p50"] > 0
    for engine in ("ONNX Runtime", "torch"):
        assert re.search(rf"^pose, {engine}, one thread +[\d.]+ +[\d.]+ +[\d.]+$", out, re.M)
    apart = re.search(r"positions differ by at most ([\d.e+-]+) m", out)
    assert float(apart.group(1)) < 1e-5
    (folder,) = tmp_path.glob("rig-*")
    assert json.loads((folder / "timing.json").read_text())["ticks"] == timing["ticks"]
