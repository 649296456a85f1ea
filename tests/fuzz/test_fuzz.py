"""A thousand commands on mangled files: no traceback, no harm, no "done" that is not.

The seed is printed with what failed; SLEIGHT_FUZZ_SEED sets it, SLEIGHT_FUZZ_CASES their number,
SLEIGHT_FUZZ_ONLY=N runs one case again, in a folder that is kept, and SLEIGHT_FUZZ_FAMILIES=A,B
mangles only files of these kinds.
"""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import sys
import time
from pathlib import Path

import pytest

from . import cases, samples
from .program import Outcome, run

SEED = int(os.environ.get("SLEIGHT_FUZZ_SEED", "0")) or int(time.time()) % 1_000_000
COUNT = int(os.environ.get("SLEIGHT_FUZZ_CASES", "1000"))
ONLY = os.environ.get("SLEIGHT_FUZZ_ONLY", "")
FAMILIES = tuple(filter(None, os.environ.get("SLEIGHT_FUZZ_FAMILIES", "").split(",")))
CODES = {0, 1, 2, 3, 4, 5, 130}
"""The exit codes of the contract."""
LONGEST_LINE = 1500
"""Most characters of an error: one line that a person reads."""
MODULES = (
    "sleight.train.commands", "sleight.train.runs.session", "sleight.train.rollout.players",
    "sleight.train.export.bundle_export", "sleight.train.reports.run_report", "sleight.calibrate",
    "sleight.train.reports.compare", "sleight.train.sweep.commands", "sleight.train.pose.commands",
    "sleight.train.sweep.reports.sweep_report", "sleight.train.analysis.commands",
    "sleight.deploy.commands", "sleight.deploy.runtime.trial_runner", "sleight.deploy.logs.replay",
    "sleight.deploy.logs.rig_report", "sleight.deploy.checks.link_check", "sleight.train.sysid.fit",
    "sleight.deploy.sim.rig_process", "sleight.train.sweep.sweep_folder", "matplotlib.pyplot",
    "sleight.train.rollout.evaluation", "sleight.train.rollout.commands",
    "sleight.train.validation.jobs", "sleight.train.runs.training_loop",
)  # fmt: skip
"""Loaded once, before the children are forked; none of them starts a thread."""

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def sample_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The samples, or those of SLEIGHT_FUZZ_SAMPLES, which a run before has made."""
    import importlib

    import torch

    torch.set_num_threads(1)
    for name in MODULES:
        importlib.import_module(name)
    given = os.environ.get("SLEIGHT_FUZZ_SAMPLES")
    if given:
        return Path(given)
    folder = tmp_path_factory.mktemp("samples")
    samples.make(folder)
    return folder


def _contents(folder: Path) -> str:
    """A hash of the names and bytes of everything in a folder."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        digest.update(str(path.relative_to(folder)).encode() + b"\0")
        digest.update(path.read_bytes() if path.is_file() else b"")
    return digest.hexdigest()


def _complaint(outcome: Outcome, case: cases.Case, folder: Path) -> str:
    """What is wrong with the end of a command; empty where it is right."""
    tail = outcome.err[-3000:]
    if "Traceback (most recent call last)" in outcome.err + outcome.out:
        return f"a traceback:\n{tail}"
    if outcome.late:
        return "" if case.may_be_late else f"no end:\n{tail}"
    if outcome.code not in CODES or (outcome.code == 1 and "regression: " not in outcome.out):
        return f"exit code {outcome.code}:\n{tail}"
    if outcome.code in (0, 1):
        gone = [proof for proof in case.proofs if not any(_found(folder, proof))]
        return f"exit code 0, but no {gone[0]}" if gone else ""
    lines = [line for line in outcome.err.splitlines() if line.startswith("error: ")]
    failed = "FAIL" in outcome.out or "usage:" in outcome.out or outcome.code == 130
    if len(lines) != 1 and not failed:
        return f"exit code {outcome.code} with {len(lines)} lines of error:\n{tail}"
    longest = max(map(len, lines), default=0)
    return f"a line of {longest} characters: {lines[0][:300]}" if longest > LONGEST_LINE else ""


def _found(folder: Path, pattern: str) -> list[Path]:
    return [path for path in folder.glob(pattern) if path.is_dir() or path.stat().st_size]


def _one(number: int, sample_folder: Path, root: Path) -> str:
    """Run one case in a world of its own; what is wrong with it, or nothing."""
    rng = random.Random(f"{SEED}:{number}")
    world = root / f"{number:05d}"
    folder, outside = world / "inside", world / "outside"
    for path in (folder / "home", folder / "tmp", outside):
        path.mkdir(parents=True)
    (outside / "canary").write_text("nobody touches this\n")
    what, case = cases.prepare(number, rng, sample_folder, folder, FAMILIES)
    before, top = _contents(outside), sorted(path.name for path in root.parent.iterdir())
    outcome = run(case.words, folder, case.limit_s)
    wrong = _complaint(outcome, case, folder)
    beside = {path.name for path in world.iterdir()} - {
        "inside",
        "outside",
        "inside.out",
        "inside.err",
    }
    if _contents(outside) != before:
        wrong = f"files outside were changed; {wrong}"
    if beside:
        wrong = f"files beside its folder: {beside}; {wrong}"
    if sorted(path.name for path in root.parent.iterdir()) != top:
        wrong = f"files above its folder; {wrong}"
    if not ONLY:
        shutil.rmtree(world, ignore_errors=True)
    return f"case {number} (SLEIGHT_FUZZ_SEED={SEED}), {what}\n{wrong}\n" if wrong else ""


def test_mangled_input_is_refused_in_one_line_and_harms_nothing(
    sample_folder: Path, tmp_path: Path
) -> None:
    root = tmp_path / "worlds"
    root.mkdir()
    numbers = [int(ONLY)] if ONLY else range(COUNT)
    sys.stdout.write(f"SLEIGHT_FUZZ_SEED={SEED}, {len(numbers)} cases in {root}\n")
    wrong = [text for n in numbers if (text := _one(n, sample_folder, root))]
    assert not wrong, f"{len(wrong)} of {len(numbers)}:\n" + "\n".join(wrong)
