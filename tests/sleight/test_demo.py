"""`sleight demo` as a user runs it, with small sizes."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

PLACES = ("end of training", "evaluation", "rigs", "rig")


@pytest.mark.slow
def test_one_policy_in_four_places(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "sleight", "demo", "--runs", str(tmp_path)]
    sizes = ["--train-steps", "25000", "--trials", "3", "--rigs", "1", "--rig-trials", "1"]
    done = subprocess.run([*command, *sizes], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    (run,) = tmp_path.iterdir()
    page = (run / "report.html").read_text()
    assert all(f"<td>{place}</td>" in page for place in PLACES)
    bundle = json.loads((run / "bundle" / "bundle.json").read_text())
    sha = bundle["graph"]["sha256"]
    (rig,) = (run / "rig").glob("rig-*/result.json")
    assert json.loads(rig.read_text())["bundle"]["sha256"] == sha
    (transfer,) = json.loads((run / "transfer.json").read_text())["rows"]
    assert transfer["sha256"] == sha
    assert max(transfer["trials"]) <= 10
