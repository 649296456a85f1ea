"""Limits of containers, for both versions of control groups."""

from pathlib import Path

import pytest

from sleight import machine


def _group(folder: Path, **files: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text + "\n")


def test_version_2_the_tightest_group_above_counts(tmp_path: Path) -> None:
    (own := tmp_path / "own").write_text("0::/jobs/mine\n")
    _group(tmp_path / "root" / "jobs" / "mine", cpu__max="max 100000", memory__max="max")
    _group(tmp_path / "root" / "jobs", cpu__max="250000 100000", memory__max="4096")
    _group(tmp_path / "root", cpu__max="800000 100000")
    assert machine.cpu_quota(tmp_path / "root", own) == 2.5
    assert machine.memory_limit(tmp_path / "root", own) == 4096


def test_version_1_names_the_controller(tmp_path: Path) -> None:
    (own := tmp_path / "own").write_text("4:memory:/a\n3:cpu,cpuacct:/docker/b\n1:name=systemd:/\n")
    _group(tmp_path / "cpu", cpu__cfs_quota_us="150000", cpu__cfs_period_us="100000")
    _group(tmp_path / "memory" / "a", memory__limit_in_bytes="9223372036854771712")
    assert machine.cpu_quota(tmp_path, own) == 1.5
    assert machine.memory_limit(tmp_path, own) is None


@pytest.mark.parametrize("text", ["max 100000", "0 0", "x y", "", "-1 100000"])
def test_no_quota(tmp_path: Path, text: str) -> None:
    (own := tmp_path / "own").write_text("0::/\n")
    _group(tmp_path / "root", cpu__max=text)
    assert machine.cpu_quota(tmp_path / "root", own) is None
    assert machine.cpu_quota(tmp_path / "nothing", tmp_path / "nothing") is None


def test_a_quota_bounds_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = machine.usable_cores()
    monkeypatch.setattr(machine, "cpu_quota", lambda: 0.5)
    assert machine.usable_cores() == 1
    monkeypatch.setattr(machine, "cpu_quota", lambda: 4096.0)
    assert machine.usable_cores() >= whole
