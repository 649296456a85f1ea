"""Bad input to eval and export: one line, exit code 2, and nothing is touched."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from sleight.train.export.bundle_export import export

Refused = Callable[..., str]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--trials", "0"], "--trials: got 0, allowed: an integer >= 1"),
        (["--seed", "-1"], "--seed: got -1, allowed: an integer >= 0"),
        (["--trials", "x"], "argument --trials: invalid int value: 'x'"),
        (["--trails", "3"], "--trails: unknown flag, did you mean '--trials'?"),
        (["--set", "objekt.size=1"], "--set: got unknown parameter 'objekt.size', did you mean"),
        (["--set", "object.size=9"], "object.size: got 9, allowed: [0.75, 1.3] x"),
        (["--set", "object.size=big"], "--set object.size: got 'big', allowed: a number"),
        (["--set", "object.size"], "--set: got 'object.size', allowed: NAME=VALUE"),
        (["--set", "object.size="], "--set object.size: got '', allowed: a number"),
        (["--set", "object.size=nan"], "object.size: got nan, allowed: [0.75, 1.3] x"),
        (["--variant", "glov"], "argument --variant: invalid choice: 'glov'"),
        (["--goals.flip_share", "2"], "--goals.flip_share: got 2, allowed: "),
        (["--goals.flipshare", "1"], "--goals.flipshare: unknown field, did you mean 'goals.fl"),
    ],
)
def test_eval_refuses_what_cannot_be(
    words: list[str], says: str, reach_run: Path, refused: Refused
) -> None:
    assert says in refused("eval", reach_run, *words)


def test_eval_of_what_is_neither_run_nor_bundle(refused: Refused, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for path in (tmp_path, tmp_path / "file", tmp_path / "nowhere"):
        assert f"{path}: got no checkpoint, allowed: a run folder" in refused("eval", path)
    (tmp_path / "bundle.json").write_text('{"format": ')
    assert "bundle.json: truncated JSON" in refused("eval", tmp_path)
    (tmp_path / "bundle.json").write_text('{"format": 1}')
    assert "bundle.json: " in refused("eval", tmp_path)


def test_a_bundle_without_the_runs_config_cannot_be_evaluated(
    block_run: Path, tmp_path: Path, refused: Refused
) -> None:
    folder = export(block_run, tmp_path / "bundle")
    path = folder / "bundle.json"
    data = json.loads(path.read_text())
    del data["training"]["config"]
    path.write_text(json.dumps(data))
    assert "training.config: got NoneType, allowed: the config of the run" in refused(
        "eval", folder
    )
    (folder / "policy.onnx").write_bytes(b"not a graph")
    assert "policy.onnx: got sha256" in refused("eval", folder)


def test_export_needs_a_place(block_run: Path, tmp_path: Path, refused: Refused) -> None:
    assert "the following arguments are required: --out" in refused("export", block_run)
    assert "got no checkpoint" in refused("export", tmp_path, "--out", tmp_path / "bundle")
    (tmp_path / "file").write_text("mine")
    refused("export", block_run, "--out", tmp_path / "file")
    refused("export", block_run, "--out", tmp_path / "file" / "bundle")
    assert (tmp_path / "file").read_text() == "mine"
