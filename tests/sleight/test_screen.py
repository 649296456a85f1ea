"""Streams that cannot be written: the work is done, and the exit code says what was lost."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sleight.screen import UNSHOWN, Screen, safe_screens

ROOT = Path(__file__).parents[2]
WORK = """
import sys, types
from pathlib import Path
from sleight import cli

def go(argv):
    for number in range(20000):
        sys.stdout.write(f"row {number}\\n")
        sys.stderr.write(f"step {number}\\n")
    sys.stdout.flush()
    Path(argv[0]).write_text("done")

module = types.ModuleType("sleight.fake")
module.go = go
sys.modules["sleight.fake"] = module
cli.COMMANDS["work"] = cli.Command("fake", "go", "")
cli.COMMANDS["list"] = cli.Command("fake", "go", "", prints=True)
sys.exit(cli.main(sys.argv[1:]))
"""


def _run(*words: str, **streams: int) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-c", WORK, *words]
    return subprocess.run(command, cwd=ROOT, timeout=120, check=False, **streams)


def _broken() -> int:
    reader, writer = os.pipe()
    os.close(reader)
    return writer


@pytest.mark.parametrize("which", ["stdout", "stderr", "both"])
def test_a_reader_that_leaves_does_not_stop_the_work(tmp_path: Path, which: str) -> None:
    pipe = _broken()
    names = ("stdout", "stderr") if which == "both" else (which,)
    other = dict.fromkeys({"stdout", "stderr"} - {*names}, subprocess.PIPE)
    found = _run("work", str(tmp_path / "result"), **dict.fromkeys(names, pipe), **other)
    os.close(pipe)
    assert (tmp_path / "result").read_text() == "done"
    assert found.returncode == (0 if which == "stderr" else UNSHOWN)
    if which == "stdout":
        last = found.stderr.decode().splitlines()[-1]
        assert last == "error: standard output: Broken pipe; a part of the output was not shown"


def test_a_reader_that_leaves_what_only_prints_has_what_it_wanted(tmp_path: Path) -> None:
    pipe = _broken()
    found = _run("list", str(tmp_path / "x"), stdout=pipe, stderr=subprocess.PIPE)
    os.close(pipe)
    assert found.returncode == 0 and b"error" not in found.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
@pytest.mark.parametrize("name", ["work", "list"])
def test_a_full_disk_behind_the_output_is_an_error(tmp_path: Path, name: str) -> None:
    with open("/dev/full", "wb") as full:
        found = _run(name, str(tmp_path / "x"), stdout=full, stderr=subprocess.PIPE)
    assert found.returncode == UNSHOWN and b"No space left" in found.stderr.splitlines()[-1]
    assert (tmp_path / "x").read_text() == "done"
    assert b"Traceback" not in found.stderr and b"Exception ignored" not in found.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
@pytest.mark.parametrize("words", [["--help"], ["eval", "--help"], ["train", "--help"]])
def test_help_that_cannot_be_shown_is_an_error(words: list[str]) -> None:
    with open("/dev/full", "wb") as full:
        found = subprocess.run(
            [sys.executable, "-m", "sleight", *words],
            cwd=ROOT, stdout=full, stderr=subprocess.PIPE, timeout=120, check=False,
        )  # fmt: skip
    assert found.returncode == UNSHOWN and found.stderr.count(b"\n") == 1


def test_closed_streams_are_no_error_and_no_file_takes_their_place(tmp_path: Path) -> None:
    code = f'"{sys.executable}" -c "$WORK" work "$PLACE" >&- 2>&- <&-'
    place = str(tmp_path / "x")
    found = subprocess.run(
        ["sh", "-c", code], cwd=ROOT, env={**os.environ, "WORK": WORK, "PLACE": place}, check=False
    )
    assert found.returncode == 0
    assert (tmp_path / "x").read_text() == "done"


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_letters_that_the_terminal_cannot_show_are_shown_as_numbers(encoding: str) -> None:
    name = os.fsdecode(b"runs/\xff") + " \u03bb \u2014 \ud83d"
    code = (
        "import sys; from sleight.screen import safe_screens\n"
        f"with safe_screens(): print({name!r}); print({name!r}, file=sys.stderr)"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=True,
        env={**os.environ, "PYTHONIOENCODING": encoding},
    )  # fmt: skip
    for said in (found.stdout, found.stderr):
        assert said.startswith(b"runs/\xff ")  # the bytes of the name, for a shell
        assert said.endswith(b"\\ud83d\n")
        shown = "\u03bb" if encoding == "utf-8" else "\\u03bb"
        assert shown.encode() in said


def test_a_screen_is_its_stream(capsys: pytest.CaptureFixture[str]) -> None:
    before = sys.stdout, sys.stderr
    with safe_screens() as (out, err):
        out.write("one\n")
        out.writelines(["two\n", "three\n"])
        err.write("four\n")
        assert isinstance(sys.stdout, Screen) and not sys.stdout.isatty()
        with safe_screens():  # one command inside another
            sys.stdout.write("five\n")
    assert (sys.stdout, sys.stderr) == before
    assert capsys.readouterr() == ("one\ntwo\nthree\nfive\n", "four\n")
