"""A file is the old one or the new one, whatever happens on the way."""

import errno
import json
import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sleight import files
from sleight.config import from_dict, load
from sleight.deploy.rig_file import RigEntry
from sleight.errors import CheckpointError, ConfigError, DataError, SleightError
from sleight.files import (
    check_file,
    check_folder,
    check_name,
    read_json,
    read_text,
    write_json,
    write_text,
)
from sleight.train.config import TrainConfig
from sleight.train.pose.config import PoseTrainConfig, WidenConfig
from sleight.train.sweep.config import SweepConfig

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_new_file_appears_only_when_the_block_is_over(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "state.npz"
    with files.atomic_path(target) as temporary:
        assert temporary.parent == target.parent
        assert temporary.suffix == ".npz"
        temporary.write_bytes(b"new")
        assert not target.exists()
    assert target.read_bytes() == b"new"
    assert _names(target.parent) == ["state.npz"]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_a_failure_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, error: type[BaseException]
) -> None:
    target = tmp_path / "a.json"
    target.write_text("old")
    with pytest.raises(error), files.atomic_path(target) as temporary:
        temporary.write_text("half")
        raise error
    assert target.read_text() == "old"
    assert _names(tmp_path) == ["a.json"]


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_full_disk_is_one_line_and_the_old_file_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, code: int
) -> None:
    target = tmp_path / "a.json"
    target.write_text("old")

    def full(*_: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(files.os, call, full)
    with pytest.raises(SleightError, match="previous file is untouched") as caught:
        files.write_json(target, {"a": 1})
    assert str(target) in str(caught.value)
    assert target.read_text() == "old"
    assert _names(tmp_path) == ["a.json"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_the_kernels_own_full_disk(tmp_path: Path) -> None:
    target = tmp_path / "a.bin"
    with pytest.raises(SleightError, match="No space left"), files.atomic_path(target) as temporary:
        temporary.symlink_to("/dev/full")
        temporary.write_bytes(b"x" * 10_000)
    assert _names(tmp_path) == []


def test_another_fault_of_the_block_is_passed_on(tmp_path: Path) -> None:
    with pytest.raises(TimeoutError), files.atomic_path(tmp_path / "a"):
        raise TimeoutError("not about the disk")


def test_a_path_that_cannot_be_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    with pytest.raises(SleightError, match="cannot be a folder"):
        files.write_text(tmp_path / "file" / "a.txt", "x")
    with pytest.raises(SleightError, match="cannot be written"):
        files.write_text(tmp_path / "folder", "x")
    assert _names(tmp_path) == ["file", "folder"]


@given(PLAIN)
def test_json_comes_back(tmp_path_factory: pytest.TempPathFactory, data: object) -> None:
    path = tmp_path_factory.mktemp("json") / "a.json"
    files.write_json(path, data)
    assert files.read_json(path) == data


def test_json_takes_arrays_paths_and_dataclasses(tmp_path: Path) -> None:
    @dataclass
    class Pose:
        position: np.ndarray

    path = tmp_path / "a.json"
    files.write_json(path, {"pose": Pose(np.array([1.0, 2.0])), "n": np.int64(3), "at": path})
    assert files.read_json(path) == {"pose": {"position": [1.0, 2.0]}, "n": 3, "at": str(path)}
    with pytest.raises(TypeError, match="no JSON form"):
        files.write_json(path, {"x": object()})


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "truncated JSON at line 1"),
        (b'{"a": [1, 2', "truncated JSON at line 1"),
        (b'{"a": 1}\n{"b": 2}', "invalid JSON at line 2"),
        (b"\xff\xfe", "not UTF-8"),
        (b"[" * 200_000, "nested too deeply"),
    ],
)
def test_bad_json_is_one_line_of_the_callers_error(
    tmp_path: Path, content: bytes, expected: str
) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=expected) as caught:
        files.read_json(path, CheckpointError)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


@given(st.integers(0, 39))
def test_every_prefix_of_a_file_is_called_broken(
    tmp_path_factory: pytest.TempPathFactory, size: int
) -> None:
    text = json.dumps({"weights": [1, 2.5, "three"], "step": {"n": 4}})
    path = tmp_path_factory.mktemp("cut") / "a.json"
    path.write_text(text[:size])
    with pytest.raises(DataError, match="JSON at line"):
        files.read_json(path)


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no\.json: no such file"):
        files.read_json(tmp_path / "no.json")
    with pytest.raises(DataError, match="cannot be read: Is a directory"):
        files.read_json(tmp_path)


def test_what_is_no_file_is_written_to_and_stays_what_it_is(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.json"
    os.mkfifo(pipe)
    reader = subprocess.Popen(["cat", str(pipe)], stdout=subprocess.PIPE)
    check_file(pipe)
    write_json(pipe, {"a": 1}, indent=None)
    assert reader.communicate(timeout=30)[0] == b'{"a": 1}\n'
    assert pipe.is_fifo() and _names(tmp_path) == ["pipe.json"]


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    link = tmp_path / "result.json"
    link.symlink_to(tmp_path / "disk" / "real.json")
    for data in (1, 2):  # to a file that is not there yet, and to one that is
        check_file(link)
        write_json(link, data)
        assert link.is_symlink() and read_json(tmp_path / "disk" / "real.json") == data


def test_a_place_that_cannot_be_written_is_known_before(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "new.json", tmp_path / "a" / "b" / "new.json", tmp_path / "file"):
        check_file(path)
        check_folder(path.parent)
    for path in (tmp_path / "file" / "x.json", tmp_path / ("n" * 300), Path("/proc/x.json")):
        with pytest.raises(SleightError, match=f"got {re.escape(str(path))}, which cannot be"):
            check_file(path)
    with pytest.raises(SleightError, match="which is a folder, allowed: a file"):
        check_file(tmp_path)
    with pytest.raises(SleightError, match="not a folder"):
        check_folder(tmp_path / "file")
    assert _names(tmp_path) == ["file"]


def test_a_name_that_is_not_utf8_is_written_in_text(tmp_path: Path) -> None:
    name = os.fsdecode(b"run\xff")
    write_text(tmp_path / name, f"of {name}")
    assert (tmp_path / name).read_bytes() == b"of run\\udcff"


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path: Path) -> None:
    """Windows' editors write one."""
    path = tmp_path / "a.json"
    path.write_bytes(b"\xef\xbb\xbf" + b'{"a": 1}')
    assert files.read_json(path) == {"a": 1}
    assert files.read_text(path).startswith("{")


@pytest.mark.parametrize(
    "name", ["..", ".", "a/b", "/", "../x", "a\0b", "a\nb", "x" * 300, "é" * 101, "\ud800"]
)
def test_a_name_of_a_folder_leads_nowhere_else(name: str) -> None:
    with pytest.raises(ValueError, match="allowed: the name of a folder, without '/'"):
        check_name(name)


@pytest.mark.parametrize("name", ["", "run-1", "a b", "..x", "é", "x" * 200])
def test_other_names_are_names(name: str) -> None:
    check_name(name)


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        (TrainConfig, {}),
        (SweepConfig, {"train": "train.yaml"}),
        (PoseTrainConfig, {"data": "renders"}),
        (WidenConfig, {}),
        (RigEntry, {}),
    ],
)
def test_every_config_checks_the_name_of_its_folder(kind: type, more: dict[str, str]) -> None:
    assert from_dict(kind, {"name": "good", **more}, "f").name == "good"
    for name in ("..", "../../x", "/x"):
        with pytest.raises(ConfigError, match="name: got"):
            from_dict(kind, {"name": name, **more}, "f")


@pytest.mark.parametrize("name", ["a\0b", "\ud800"])
def test_a_path_that_cannot_be_is_one_line(name: str) -> None:
    for read in (read_text, read_json):
        with pytest.raises(DataError, match="cannot be read"):
            read(name)


def test_a_link_to_itself_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "train.yaml").symlink_to("train.yaml")
    with pytest.raises(ConfigError, match="cannot be read"):
        load(TrainConfig, tmp_path / "train.yaml")
