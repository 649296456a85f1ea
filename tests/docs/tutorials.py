"""Runs a tutorial: every command of its page, in order, in a folder of its own.

A comment in the page, `<!-- test ... -->`, makes commands small. Each of its lines is

    START OF A COMMAND: flags that are appended to it
    NAME.yaml: fields that replace those of the file of this name

The longest start that fits a command counts. `<!-- file: NAME -->` before a block of YAML: the
reader saves the block under this name. `# exit code N` after a command: how it ends.
"""

import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import yaml

from tests.deploy.conftest import QUICK
from tests.examples.conftest import MENAGERIE, Stranger

from . import pages
from .pages import ROOT

PLAN = re.compile(r"<!-- test\n(.*?)-->", re.DOTALL)
FILE = re.compile(r"<!-- file: (\S+) -->\n```yaml\n(.*?)^```$", re.DOTALL | re.MULTILINE)
ENDS = re.compile(r"#.*exit code (\d+)")
ASSIGNMENT = re.compile(r"[A-Z_]+=\S*$")
SERVERS = (("sleight", "rig", "sim"), ("ray", "start"), ("sleight", "play", "--browser"))
"""Commands that the reader leaves running; one of a kind ends the one before."""
BY_THE_READER = ("make", "source", "pip")
"""Installing; an example is installed before its page is run."""
OUTPUTS = ("--video", "--html", "--json", "--out", "--csv", "--log")
RAY_PORT = "6379"
TIMEOUT_S = 900.0


@dataclass(frozen=True)
class Line:
    """A command of a page: its words, what stands before them, and the expected exit code."""

    words: tuple[str, ...]
    environment: dict[str, str]
    code: int


def plan(page: str) -> dict[str, str]:
    """What makes the page small: the start of a command, or a file's name -> text."""
    (text,) = PLAN.findall(pages.read(page))
    rows = [line.partition(": ") for line in text.splitlines() if line.strip()]
    return {start: rest for start, _, rest in rows}


def files(page: str) -> dict[str, str]:
    """The files that the reader saves: name -> YAML."""
    return dict(FILE.findall(pages.read(page)))


def lines(page: str) -> Iterator[Line]:
    """Its commands in order."""
    for block in pages.blocks(page):
        if block.language:
            continue
        for text in block.text.replace("\\\n", " ").splitlines():
            words = shlex.split(text, comments=True)
            before = [w for w in words[:3] if ASSIGNMENT.match(w)]
            end = ENDS.search(text)
            environment = dict(word.split("=", 1) for word in before)
            yield Line(tuple(words[len(before) :]), environment, int(end[1]) if end else 0)


def examples(page: str) -> list[str]:
    """The examples that the page installs."""
    last = [line.words[-1] for line in lines(page) if line.words[:2] == ("pip", "install")]
    return [word.rpartition("/")[2] for word in last if word.startswith("examples/")]


def extra(page: str, words: tuple[str, ...]) -> list[str]:
    """The flags that make a command small."""
    whole = " ".join(words)
    starts = [start for start in plan(page) if whole.startswith(start)]
    return shlex.split(plan(page)[max(starts, key=len)]) if starts else []


def kind(words: tuple[str, ...]) -> tuple[str, ...] | None:
    """Which of the servers a command is."""
    fitting = [s for s in SERVERS if words[: len(s) - 1] == s[:-1] and s[-1] in words]
    return fitting[0] if fitting else None


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
    return port


class Reader:
    """Somebody who types the commands of a page; `close` ends what is left running."""

    def __init__(self, page: str, folder: Path) -> None:
        self.page, self.folder = page, folder
        self.python = sys.executable
        self.servers: dict[tuple[str, ...], subprocess.Popen[str]] = {}
        self.rig: list[str] = []
        self.ray_port = str(free_port())
        for name in ("configs", "pretrained"):
            (folder / name).symlink_to(ROOT / name)
        for example in examples(page):
            stranger = Stranger(folder)
            stranger.install(example)
            self.python = str(stranger.python)
        for name, text in files(page).items():
            changed = yaml.safe_load(text) | yaml.safe_load(plan(page).get(name, "{}"))
            (folder / name).write_text(yaml.safe_dump(changed))

    def read(self) -> None:
        """Every command, then what the text says is there. Raises AssertionError for the first
        that does not end as the page says."""
        for line in lines(self.page):
            if line.words and line.words[0] not in BY_THE_READER:
                self._type(line)
        named = {span for span in pages.spans(self.page) if re.fullmatch(r"runs/[\w./-]+\w", span)}
        assert sorted(name for name in named if not (self.folder / name).exists()) == []

    def _type(self, line: Line) -> None:
        words = self._words(line)
        server = kind(line.words)
        if server:
            self._serve(server, words, line)
            return
        code, said = self._run(words, line)
        if code and line.words[:2] == ("sleight", "rig") and "try again" in said:
            code, said = self._run(words, line)  # as a busy machine is told
        assert code == line.code, f"{' '.join(line.words)}: exit code {code}\n{said}"
        for flag, name in zip(line.words, line.words[1:], strict=False):
            if flag in OUTPUTS:
                assert (self.folder / name).exists(), f"{' '.join(line.words)}: no {name}"

    def _run(self, words: list[str], line: Line) -> tuple[int, str]:
        """Its exit code, and what it printed and complained about."""
        process = self._start(words, line)
        try:
            out, err = process.communicate(timeout=TIMEOUT_S)
        except BaseException:
            self._end(process)
            raise
        return process.returncode, out[-3000:] + err[-3000:]

    def _words(self, line: Line) -> list[str]:
        """What is run: the page's words, whole names of runs, small sizes, free ports."""
        words = [self._found(word.replace(RAY_PORT, self.ray_port)) for word in line.words]
        words += extra(self.page, line.words)
        match line.words[:3]:
            case ("sleight", "rig", "sim"):
                words += ["--port", "0", "--referee_port", "0"]
            case ("sleight", "rig", "check" | "run" | "dry-run" | "wiggle" | "calibrate"):
                words += [*self.rig, *QUICK]
            case ("sleight", "play", _) if "--browser" in words:
                words += ["--port", "0"]
            case ("ray", "start", _):
                words += ["--temp-dir", f"/tmp/sleight-docs-{os.getpid()}"]  # sockets: short
        program = {
            "sleight": [self.python, "-m", "sleight"],
            "ray": [str(Path(sys.executable).with_name("ray"))],
        }[words[0]]
        return [*program, *words[1:]]

    def _found(self, word: str) -> str:
        """`runs/rig-sim-...` is the newest folder that begins so."""
        if not word.endswith("..."):
            return word
        start = Path(word.removesuffix("..."))
        fitting = [*(self.folder / start.parent).glob(f"{start.name}*")]
        assert fitting, f"{word}: no such folder"
        newest = max(fitting, key=lambda path: path.stat().st_mtime)
        return str(newest.relative_to(self.folder))

    def _start(self, words: list[str], line: Line) -> subprocess.Popen[str]:
        paths = {"PYTHONPATH": str(ROOT), "MENAGERIE_ROOT": str(MENAGERIE)}
        return subprocess.Popen(
            words, cwd=self.folder, text=True, env={**os.environ, **paths, **line.environment},
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def _serve(self, server: tuple[str, ...], words: list[str], line: Line) -> None:
        """Start it, and wait for its first line."""
        if server in self.servers:
            self._end(self.servers.pop(server))
        process = self.servers[server] = self._start(words, line)
        assert process.stdout is not None and process.stderr is not None
        said = process.stdout.readline()
        assert said, f"{' '.join(line.words)}: {process.stderr.read()}"
        if server == SERVERS[0]:
            ports = re.findall(r":(\d+)", said)
            self.rig = ["--hand.port", ports[0], "--referee.port", ports[1]]
        if server == SERVERS[1]:
            _wait_for_port(int(self.ray_port), process)

    def _end(self, process: subprocess.Popen[str]) -> None:
        """Ctrl-C, and then force."""
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGINT)
        try:
            process.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()

    def close(self) -> None:
        while self.servers:
            self._end(self.servers.popitem()[1])


def _wait_for_port(port: int, process: subprocess.Popen[str]) -> None:
    """Until somebody listens there."""
    end_s = time.monotonic() + 60
    while time.monotonic() < end_s and process.poll() is None:
        with socket.socket() as sock:
            if sock.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.2)
    raise AssertionError(f"nothing listens on {port}")
