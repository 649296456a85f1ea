"""Files that are replaced as one: a kill at any point leaves the old ones or the new ones."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sleight import folders
from sleight.errors import SleightError
from sleight.files import write_text
from sleight.folders import replaced_together

ROOT = Path(__file__).parents[2]
LAST = "manifest"


def _write(folder: Path, mark: str) -> None:
    with replaced_together(folder, LAST) as new:
        for name in ("a", "b", LAST):
            write_text(new / name, mark)


def _marks(folder: Path) -> set[str]:
    return {(folder / name).read_text() for name in ("a", "b", LAST)}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Old files, and others that have nothing to do with them."""
    folder = tmp_path / "bundle"
    _write(folder, "old")
    (folder / "checkpoint").mkdir()
    (folder / "checkpoint" / "weights").write_text("mine")
    (folder / "notes").symlink_to("nowhere")
    return folder


def _others_are_there(folder: Path) -> bool:
    names = {"a", "b", LAST, "checkpoint", "notes"}
    kept = {path.name for path in folder.iterdir()} == names
    return kept and (folder / "checkpoint" / "weights").read_text() == "mine"


@pytest.mark.parametrize("can_exchange", [True, False])
def test_the_new_are_there_and_what_else_lay_there(
    folder: Path, monkeypatch: pytest.MonkeyPatch, can_exchange: bool
) -> None:
    if not can_exchange:
        monkeypatch.setattr(folders, "exchange", lambda *_: False)
    folder.chmod(0o750)
    _write(folder, "new")
    assert _marks(folder) == {"new"} and _others_are_there(folder)
    assert folder.stat().st_mode & 0o777 == 0o750
    assert list(folder.parent.iterdir()) == [folder]


_KILLED_AT_EACH_OPERATION = """
import os, sys
from pathlib import Path
from tests.sleight.test_folders import _marks, _others_are_there, _write

EVENTS = ("open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.link",
          "ctypes.call_function", "ctypes.dlopen", "ctypes.dlsym")

def count_down(left):
    def hook(event, arguments):
        nonlocal left
        if event in EVENTS:
            left -= 1
            if left < 0:
                os._exit(9)
    return hook

folder, seen = Path(sys.argv[1]), set()
for operations in range(300):
    child = os.fork()
    if child == 0:
        sys.addaudithook(count_down(operations))
        _write(folder, "new")
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    marks = _marks(folder)
    assert len(marks) == 1 and _others_are_there(folder), (operations, marks)
    if marks == {"new"} and code:
        seen.add("killed after")
        _write(folder, "old")
    seen.add("killed before" if code else "done")
    if not code:
        break
print(operations, sorted(seen))
"""


def test_killed_before_any_of_its_operations_all_or_none_is_new(folder: Path) -> None:
    """Also with another folder's name for the same place."""
    (folder.parent / "link").symlink_to(folder)
    words = [sys.executable, "-c", _KILLED_AT_EACH_OPERATION, str(folder.parent / "link")]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "['done', 'killed after', 'killed before']" in done.stdout
    assert int(done.stdout.split()[0]) > 20


def test_a_folder_in_which_somebody_works_stays_the_same_one(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = folder.stat().st_ino
    (folder / ".lock").write_text("")
    _write(folder, "new")
    assert folder.stat().st_ino == before and _marks(folder) == {"new"}
    (folder / ".lock").unlink()
    monkeypatch.chdir(folder / "checkpoint")
    _write(folder, "newer")
    assert folder.stat().st_ino == before and _marks(folder) == {"newer"}
    assert _others_are_there(folder)


def test_what_fails_changes_nothing(folder: Path) -> None:
    with pytest.raises(ZeroDivisionError), replaced_together(folder, LAST) as new:
        write_text(new / "a", str(1 / 0))
    assert _marks(folder) == {"old"} and _others_are_there(folder)
    (folder / "a").unlink()
    (folder / "a").mkdir()
    with pytest.raises(SleightError, match="bundle: cannot be written: Is a directory"):
        _write(folder, "new")
    assert (folder / LAST).read_text() == "old" and list(folder.parent.iterdir()) == [folder]


def test_a_folder_whose_parent_cannot_be_written(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make = Path.mkdir

    def refuse(self: Path, *args: Any, **more: Any) -> None:  # root could write there
        if self.parent == folder.parent:
            raise PermissionError(13, "Permission denied")
        make(self, *args, **more)

    monkeypatch.setattr(Path, "mkdir", refuse)
    _write(folder, "new")
    assert _marks(folder) == {"new"} and _others_are_there(folder)
