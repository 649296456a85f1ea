"""Checkpoints are whole or not there: damage is named, a kill and a full disk harm nothing."""

import json
import os
import random
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from sleight.errors import CheckpointError, SleightError
from sleight.train.runs.checkpoint import KEEP, Checkpoint, load, load_module, save
from sleight.train.runs.checkpoint_files import complete, find, last_steps

ROOT = Path(__file__).parents[3]


def _checkpoint(steps: int, size: int = 1000, mark: float | None = None) -> Checkpoint:
    value = torch.full((size,), float(steps if mark is None else mark))
    meta = {"steps": steps, "config": {}, "adr": {}, "third": 1 / 3}
    return Checkpoint({"a.x": value}, {"rng": value.to(torch.uint8)}, meta)


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    path = save(tmp_path / "checkpoints", _checkpoint(12))
    assert path.name == "000000000012"
    found = load(tmp_path)
    assert torch.equal(found.weights["a.x"], torch.full((1000,), 12.0))
    assert found.state["rng"].dtype == torch.uint8
    assert found.meta["third"] == 1 / 3
    assert load(path, state=False).state == {}


def test_the_newest_are_kept(tmp_path: Path) -> None:
    for steps in (5, 80, 900, 1000, 20_000):
        save(tmp_path / "checkpoints", _checkpoint(steps))
    kept = [int(path.name) for path in complete(tmp_path / "checkpoints")]
    assert kept == [900, 1000, 20_000] and len(kept) == KEEP + 1
    assert find(tmp_path).name == "000000020000"
    assert len(list((tmp_path / "checkpoints").iterdir())) == 3


def test_saving_the_same_steps_again_replaces_them(tmp_path: Path) -> None:
    for mark in (1.0, 2.0, 3.0):
        save(tmp_path / "checkpoints", _checkpoint(7, mark=mark))
    assert float(load(tmp_path).weights["a.x"][0]) == 3.0
    assert len(list((tmp_path / "checkpoints").iterdir())) == 1


_SAVE_FOREVER = """
import sys, torch
from pathlib import Path
from sleight.train.runs.checkpoint import Checkpoint, save
folder, steps = Path(sys.argv[1]), int(sys.argv[2])
while True:
    steps += 1
    for _ in range(2):
        value = torch.full((200_000,), float(steps))
        save(folder, Checkpoint({"a": value}, {"b": value.clone()},
                                {"steps": steps, "config": {}, "adr": {}}))
"""


def _hidden(folder: Path) -> list[Path]:
    """What a save works on, or left behind when it was killed."""
    return list(folder.glob(".*"))


def test_killed_while_it_saves_a_whole_checkpoint_is_left(tmp_path: Path) -> None:
    folder, rng, last, torn = tmp_path / "checkpoints", random.Random(0), 0, 0
    for _ in range(4):
        child = subprocess.Popen(
            [sys.executable, "-c", _SAVE_FOREVER, str(folder), str(last)], cwd=ROOT
        )
        deadline = time.monotonic() + 60
        while not any(int(path.name[:12]) > last for path in complete(folder)):
            assert child.poll() is None and time.monotonic() < deadline
            time.sleep(0.01)
        while not _hidden(folder):
            assert child.poll() is None and time.monotonic() < deadline
        time.sleep(0.01 * rng.random())
        child.kill()
        child.wait()
        torn += bool(_hidden(folder))
        found = load(tmp_path)
        assert found.meta["steps"] > last
        last = found.meta["steps"]
        for value in (found.weights["a"], found.state["b"]):
            assert torch.equal(value, torch.full((200_000,), float(last)))
    assert torn, "no kill hit a save: the test showed nothing"
    save(folder, _checkpoint(last + 1))
    assert _hidden(folder) == []


_KILLED_AT_EACH_OPERATION = """
import os, sys, torch
from pathlib import Path
from sleight.train.runs.checkpoint import Checkpoint, load, save
from sleight.train.runs.checkpoint_files import complete, find, last_steps

def write(steps, mark):
    value = torch.full((1000,), mark)
    save(folder, Checkpoint({"a": value}, {"b": value.clone()},
                            {"steps": steps, "config": {}, "adr": {}}))

def count_down(left):
    def hook(event, arguments):
        nonlocal left
        if event in ("open", "os.mkdir", "os.rename", "os.remove", "os.rmdir"):
            left -= 1
            if left < 0:
                os._exit(9)
    return hook

folder = Path(sys.argv[1])
for steps in (1, 2, 3, 4):
    write(steps, 1.0)
for steps in (4, 5):  # the same once more, and the next
    for operations in range(200):
        child = os.fork()
        if child == 0:
            sys.addaudithook(count_down(operations))
            write(steps, 2.0)
            os._exit(0)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        for whole in complete(folder):
            load(whole)
        found = load(folder.parent)
        new = folder / f"{steps:012d}"
        assert new not in complete(folder) or find(folder.parent) == new, (steps, operations)
        assert last_steps(folder) == found.meta["steps"]
        mark = float(found.weights["a"][0])
        assert found.meta["steps"] in (4, steps) and mark in (1.0, 2.0), (steps, operations)
        assert bool((found.weights["a"] == mark).all()) and bool((found.state["b"] == mark).all())
        if code == 0:
            break
    assert found.meta["steps"] == steps and mark == 2.0
    print(steps, operations)
"""


def test_killed_before_any_of_its_operations_a_whole_checkpoint_is_left(tmp_path: Path) -> None:
    words = [sys.executable, "-c", _KILLED_AT_EACH_OPERATION, str(tmp_path / "checkpoints")]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    counts = [int(line.split()[1]) for line in done.stdout.splitlines()]
    assert len(counts) == 2 and min(counts) > 10


def test_killed_after_the_second_rename_the_newer_weights_load(tmp_path: Path) -> None:
    folder = tmp_path / "checkpoints"
    old = save(folder, _checkpoint(7, mark=1.0))
    old.rename(folder / f"{old.name}.before")
    assert load(tmp_path).weights["a.x"][0] == 1.0  # killed between the renames
    new = save(folder, _checkpoint(7, mark=2.0))
    save(tmp_path / "other", _checkpoint(7, mark=1.0)).rename(folder / f"{old.name}.before")
    assert load(tmp_path).weights["a.x"][0] == 2.0  # killed after them
    assert complete(folder) == [new] and last_steps(folder) == 7
    save(folder, _checkpoint(8))
    assert sorted(path.name for path in folder.iterdir()) == [f"{7:012d}", f"{8:012d}"]


def test_a_folder_that_a_person_made_is_no_checkpoint(tmp_path: Path) -> None:
    folder = tmp_path / "checkpoints"
    new = save(folder, _checkpoint(7))
    for name in (f"{9:012d} (copy)", f"{9:012d}.bak", "9x"):
        shutil.copytree(new, folder / name)
    assert complete(folder) == [new] and find(tmp_path) == new
    for steps in range(8, 13):
        save(folder, _checkpoint(steps))
    assert (folder / "9x").is_dir()  # and is nobody else's to delete


def test_a_path_that_is_not_utf8(tmp_path: Path) -> None:
    run = tmp_path / os.fsdecode(b"run\xff\xfe")
    save(run / "checkpoints", _checkpoint(7))
    assert load(run).weights["a.x"][0] == 7.0


def _mount(folder: Path) -> bool:
    folder.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", str(folder)]
    return subprocess.run(words, capture_output=True, check=False).returncode == 0


def test_a_full_disk_leaves_the_earlier_checkpoint(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    if not _mount(disk):
        pytest.skip("a small disk cannot be mounted here")
    try:
        save(disk / "checkpoints", _checkpoint(1))
        with pytest.raises(SleightError, match=r"000000000002: cannot be saved: .*No space left"):
            save(disk / "checkpoints", _checkpoint(2, size=1_000_000))
        assert [path.name for path in (disk / "checkpoints").iterdir()] == ["000000000001"]
        assert float(load(disk).weights["a.x"][0]) == 1.0
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_a_file_that_cannot_grow_leaves_the_earlier_checkpoint(tmp_path: Path) -> None:
    """As a full disk, but wherever the test runs: the kernel refuses to write past a size."""
    folder = tmp_path / "checkpoints"
    save(folder, _checkpoint(1))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
    try:
        with pytest.raises(SleightError, match="000000000002: cannot be saved: .*untouched"):
            save(folder, _checkpoint(2, size=100_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert [path.name for path in folder.iterdir()] == ["000000000001"]
    assert float(load(tmp_path).weights["a.x"][0]) == 1.0


def _truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-10])


def _scramble(path: Path) -> None:
    path.write_bytes(b"\xff" * path.stat().st_size)


def _change(**fields: Any) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))

    return change


@pytest.mark.parametrize(
    ("file", "damage", "says"),
    [
        ("weights.safetensors", Path.unlink, "got 0 bytes, allowed: "),
        ("weights.safetensors", _truncate, "bytes, allowed: "),
        ("weights.safetensors", _scramble, "cannot be read: "),
        ("state.safetensors", _truncate, "bytes, allowed: "),
        ("state.safetensors", _scramble, "cannot be read: "),
        ("checkpoint.json", _truncate, "truncated JSON"),
        ("checkpoint.json", _scramble, "not UTF-8"),
        ("checkpoint.json", lambda path: path.write_text("[]"), "format: got list, allowed: 1"),
        ("checkpoint.json", _change(format=99), "format: got 99, allowed: 1"),
        ("checkpoint.json", _change(steps="many"), "steps: got 'many', allowed: int"),
        ("checkpoint.json", _change(adr=None), "adr: got None, allowed: dict"),
    ],
)
def test_damage_is_named(
    file: str, damage: Callable[[Path], object], says: str, tmp_path: Path
) -> None:
    path = save(tmp_path / "checkpoints", _checkpoint(3))
    damage(path / file)
    with pytest.raises(CheckpointError) as caught:
        load(tmp_path)
    assert str(path / file) in str(caught.value) and says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_folder_without_checkpoints_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(CheckpointError, match="got no checkpoint, allowed: a run folder"):
            load(path)


def test_another_policy_is_named_by_its_first_tensor_that_differs() -> None:
    module = torch.nn.Linear(3, 2)
    weights = {f"actor.{name}": value for name, value in module.state_dict().items()}
    load_module("actor", torch.nn.Linear(3, 2), weights, "runs/a")
    with pytest.raises(
        CheckpointError, match=r"runs/a: actor.weight: got \(2, 3\), allowed: \(2, 4"
    ):
        load_module("actor", torch.nn.Linear(4, 2), weights, "runs/a")
    with pytest.raises(CheckpointError, match=r"actor.bias: got \(2,\), allowed: nothing"):
        load_module("actor", torch.nn.Linear(3, 2, bias=False), weights, "runs/a")
    del weights["actor.bias"]
    with pytest.raises(CheckpointError, match=r"actor.bias: got nothing, allowed: \(2,\)"):
        load_module("actor", module, weights, "runs/a")
