"""Folders whose names are not UTF-8, as archives of other systems and old disks have them: every
command works there, or says in one line who takes no such path."""

import os
import shutil
import sys
from pathlib import Path

import pytest

from sleight.cli import main
from sleight.errors import ConfigError
from sleight.screen import safe_screens
from sleight.train.cluster import ray_connect
from sleight.train.config import RayConfig
from sleight.train.runs import wandb_tracker


@pytest.fixture
def folder(block_run: Path, tmp_path: Path) -> Path:
    """A folder with one run in it, `run`."""
    folder = tmp_path / os.fsdecode(b"old\xff")
    shutil.copytree(block_run, folder / "run")
    return folder


def test_commands_work_there(
    folder: Path, capsysbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    run, bundle = folder / "run", folder / "bundle"
    for proof, words in {
        bundle / "bundle.json": ("export", run, "--out", bundle),
        folder / "a.json": ("eval", run, "--trials", 1, "--json", folder / "a.json"),
        folder / "b.json": ("eval", bundle, "--trials", 1, "--json", folder / "b.json"),
        folder / "v.mp4": ("play", bundle, "--seconds", 0.1, "--video", folder / "v.mp4"),
        run / "report.html": ("report", run, "--eval", folder / "a.json"),
        folder / "runs.html": ("runs", "run", "--runs", folder, "--html", folder / "runs.html"),
        run / "checkpoints" / f"{640:012d}": ("train", "--resume", run, "--steps", 640),
    }.items():
        code = main([str(word) for word in words])
        assert code == 0 and proof.exists(), (words, capsysbinary.readouterr().err)
    assert main(["runs", "--runs", str(folder)]) == 0
    assert capsysbinary.readouterr().out.splitlines()[-1].endswith(b"finished")


def test_ray_and_wandb_which_take_no_such_path_are_named(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    pytest.importorskip("wandb")
    with safe_screens():
        wandb_tracker.Tracker("offline", folder / "run").close()
    assert b"W&B takes no such path" in capsysbinary.readouterr().err
    assert not (folder / "run" / "wandb").exists()
    monkeypatch.setattr(sys, "argv", ["sleight", "train", str(folder / "train.yaml")])
    monkeypatch.setattr("ray.is_initialized", lambda: False)
    with pytest.raises(ConfigError, match=r"Ray: got .*train\.yaml, which is not UTF-8"):
        ray_connect.connect(RayConfig())
