"""The examples as a stranger has them: installed beside sleight, in an environment of their own."""

import os
import shutil
import site
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MENAGERIE = Path(os.environ.get("MENAGERIE_ROOT") or ROOT.parent / "shared" / "data" / "menagerie")
"""Where the files of other authors' hands are; tests that need them skip without."""


class Stranger:
    """An environment with sleight and some examples, whose programs run in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "env"], check=True)
        self.python = folder / "env" / "bin" / "python"
        (place,) = (folder / "env").glob("lib/python*/site-packages")
        ours = [*site.getsitepackages(), str(ROOT)]
        lines = [f"import site; site.addsitedir({str(path)!r})" for path in ours]
        (place / "ours.pth").write_text("\n".join(lines) + "\n")

    def install(self, example: str) -> None:
        """`pip install -e` of a copy of an example, but for the network."""
        ignore = shutil.ignore_patterns("build", "*.egg-info", "__pycache__")
        source = shutil.copytree(ROOT / "examples" / example, self.folder / example, ignore=ignore)
        subprocess.run(
            [sys.executable, "-m", "pip", "--python", self.python, "install", "-q", "--no-index",
             "--no-deps", "--no-build-isolation", "--disable-pip-version-check", "-e", source],
            check=True, timeout=300,
        )  # fmt: skip

    def start(self, *words: object) -> subprocess.Popen[str]:
        """`python -m sleight ...` in the background."""
        paths = {"PYTHONPATH": str(ROOT), "MENAGERIE_ROOT": str(MENAGERIE)}
        return subprocess.Popen(
            [str(self.python), "-m", "sleight", *map(str, words)], cwd=self.folder, text=True,
            env={**os.environ, **paths}, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def run(self, *words: object, code: int = 0) -> tuple[str, str]:
        """What a command prints and complains about; it ends with `code`."""
        process = self.start(*words)
        out, err = process.communicate(timeout=300)
        assert process.returncode == code, err
        return out, err

    def refused(self, *words: object) -> str:
        """The one line of a command that ends with exit code 2."""
        out, err = self.run(*words, code=2)
        assert out == "" and err.startswith("error: ") and err.count("\n") == 1, err
        return err


@pytest.fixture(scope="package")
def strangers(tmp_path_factory: pytest.TempPathFactory):
    """strangers(example) -> an environment in which it is installed; one for each example."""
    made: dict[str, Stranger] = {}

    def of(example: str) -> Stranger:
        if example not in made:
            made[example] = Stranger(tmp_path_factory.mktemp(example))
            made[example].install(example)
        return made[example]

    return of


def rig_trials(stranger: Stranger, bundle: Path, *flags: object, trials: int = 1) -> dict:
    """Trials of a bundle on a simulated rig in real time; `flags` are the rig's."""
    import json

    rig = stranger.start("rig", "sim", "--port", 0, "--referee_port", 0, *flags)
    try:
        assert rig.stdout is not None and rig.stderr is not None
        line = rig.stdout.readline()
        assert line.startswith("rig sim: hand on "), line + rig.stderr.read()
        words = line.replace(",", "").split()
        (hand, hand_port), (referee, referee_port) = (words[i].split(":") for i in (4, 7))
        where = ("--hand.host", hand, "--hand.port", hand_port, "--referee.host", referee,
                 "--referee.port", referee_port, "--log.dir", stranger.folder / "rig-runs",
                 "--loop.stage.home_s", 0.3, "--loop.stage.settle_s", 0.5,
                 "--loop.hand_max_age_s", 0.3, "--loop.pose_max_age_s", 0.3,
                 "--loop.stop_after_s", 0.9, "--loop.max_holds", 1000,
                 "--loop.hold_timeout_s", 60, "--loop.overrun.send_s", 0.2)  # fmt: skip
        stranger.run("rig", "check", bundle, *where)
        stranger.run("rig", "run", bundle, *where, "--trials", trials, "--yes-sim")
    finally:
        rig.terminate()
        rig.communicate(timeout=30)
    (folder,) = [p.parent for p in (stranger.folder / "rig-runs").glob("*/result.json")]
    return json.loads((folder / "result.json").read_text())
