"""The table of runs, the page that compares some, and one process to a folder."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from sleight.config import from_dict, yamlfile
from sleight.config import save as save_config
from sleight.errors import ConfigError
from sleight.files import write_json
from sleight.pages.markup import source
from sleight.train.config import TrainConfig
from sleight.train.reports.compare import comparison, differences
from sleight.train.runs import run_table as runs
from sleight.train.runs.folder_lock import FolderLock, holder

ROOT = Path(__file__).parents[3]


@pytest.fixture
def folder(reach_run: Path, tmp_path: Path) -> Path:
    """A finished run, a stopped one, three damaged ones, and what is no run."""
    root = tmp_path / "runs"
    for name in ("done", "half", "cut", "unreadable", "young"):
        shutil.copytree(reach_run, root / name)
    _change(root / "half", steps=10_000, ppo={"gamma": 0.95})
    (newest,) = sorted((root / "cut" / "checkpoints").iterdir())[-1:]
    weights = newest / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1])
    (root / "unreadable" / "config.yaml").write_text("steps: [")
    shutil.rmtree(root / "young" / "checkpoints")
    (root / "rig").mkdir()
    write_json(root / "rig" / "result.json", {})
    (root / "rig" / "run.mcap").write_text("")
    (root / "rig" / "config.yaml").write_text("{}\n")
    (root / "notes.txt").write_text("mine")
    return root


def _change(run: Path, **changes: object) -> None:
    data = yamlfile.read(run / "config.yaml")
    for key, value in changes.items():
        data[key] = {**data[key], **value} if isinstance(value, dict) else value
    save_config(from_dict(TrainConfig, data, "test"), run / "config.yaml")


def test_the_table_says_how_each_run_stands(
    folder: Path, cli: Callable[..., tuple[int, str, str]]
) -> None:
    code, out, err = cli("runs", "--runs", folder)
    assert (code, err) == (0, "")
    head, *lines = out.splitlines()
    assert head.split() == list(runs.HEAD)
    cells = {line.split()[0]: re.split(r"\s{2,}", line) for line in lines}
    assert set(cells) == {"done", "half", "cut", "unreadable", "young"}
    assert cells["done"][1:4] == ["reach", "512", "512"] and cells["done"][-1] == "finished"
    assert cells["half"][3] == "10,000" and cells["half"][-1] == "stopped"
    assert "weights.safetensors: got" in cells["cut"][-1] and "damaged: " in cells["cut"][-1]
    assert "damaged: config.yaml: not valid YAML" in cells["unreadable"][-1]
    assert cells["young"][-1] == "damaged: no checkpoint"
    assert str(folder) not in out, "a reason in a few words, without the folder"


def test_a_run_in_work_is_running_and_its_folder_is_taken(folder: Path) -> None:
    run = folder / "half"
    with FolderLock(run):
        assert runs.read(run).state == "running"
        assert holder(run) == os.getpid()
        with pytest.raises(ConfigError, match=f"another process works .process {os.getpid()}"):
            FolderLock(run)
    assert runs.read(run).state == "stopped" and holder(run) is None


def test_the_lock_ends_with_its_process_however_that_ends(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path;"
        "from sleight.train.runs.folder_lock import FolderLock;"
        "lock = FolderLock(Path(sys.argv[1])); print('held', flush=True); sys.stdin.read()"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    with child:
        assert child.stdout is not None and child.stdout.readline() == b"held\n"
        assert holder(tmp_path) == child.pid
        child.send_signal(signal.SIGKILL)
        child.wait(30)
    assert holder(tmp_path) is None
    FolderLock(tmp_path).close()


def test_a_second_process_does_not_train_in_a_run(
    folder: Path, refused: Callable[..., str]
) -> None:
    before = (folder / "half" / "metrics.jsonl").read_bytes()
    with FolderLock(folder / "half"):
        assert "another process works" in refused("train", "--resume", folder / "half")
    assert (folder / "half" / "metrics.jsonl").read_bytes() == before


def test_the_page_compares_what_differs(
    folder: Path, cli: Callable[..., tuple[int, str, str]]
) -> None:
    page = folder / "compared.html"
    code, out, _ = cli("runs", "--runs", folder, "--html", page, "done", folder / "half")
    assert (code, out) == (0, f"{page}\n")
    text = page.read_text()
    assert text.count('class="plot"') >= 4 and "default-src 'none'" in text
    own = text.replace(str(source("plotly-basic.min.js")), "")
    assert not re.search(r'(src|href)="(?!data:)', own)
    found = [runs.read(folder / name) for name in ("done", "half")]
    assert differences(found) == ([("steps", "512", "10000"), ("ppo.gamma", "0.99", "0.95")], [])
    assert "<td>ppo.gamma</td><td>0.99</td><td>0.95</td>" in text
    assert "the runs have the same settings" in comparison([found[0], found[0]])


def test_the_page_says_which_config_this_version_cannot_read(folder: Path) -> None:
    config = folder / "half" / "config.yaml"
    config.write_text(config.read_text().replace("gamma:", "gama:"))
    text = comparison([runs.read(folder / name) for name in ("done", "half")])
    assert "half/config.yaml: ppo.gama: unknown field" in text


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("- 1\n", "config.yaml: got list, allowed: a mapping of fields"),
        ("steps: many\n", "config.yaml: got no task or steps"),
        ("steps: 5\nenv: {task: [1]}\n", "config.yaml: got no task or steps"),
    ],
)
def test_a_config_that_is_none_is_named(text: str, says: str, folder: Path) -> None:
    (folder / "half" / "config.yaml").write_text(text)
    assert says in runs.read(folder / "half").remark


def test_the_list_of_runs_loads_no_torch_and_no_simulator(folder: Path) -> None:
    code = (
        "import sys; from sleight.cli import main; assert main(sys.argv[1:]) == 0;"
        "print([m for m in ('torch', 'mujoco', 'plotly', 'ray') if m in sys.modules])"
    )
    words = [sys.executable, "-c", code, "runs", "--runs", str(folder)]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]" and "finished" in done.stdout


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--runs", "nowhere"], "got nowhere, which is no folder"),
        (["--html", "x.html"], "--html: got no runs, allowed: --html FILE RUN..."),
        (["--html", "x.html", "dne"], "dne: got no run, did you mean 'done'? available: "),
        (["--html", "x.html", "done", "done"], "done: got the same run twice"),
    ],
)
def test_what_is_not_there_is_named(
    words: list[str], says: str, folder: Path, refused: Callable[..., str]
) -> None:
    assert says in refused("runs", "--runs", folder, *words)
    assert not Path("x.html").exists()


def test_an_empty_folder_says_so(tmp_path: Path, refused: Callable[..., str]) -> None:
    assert "which holds no run" in refused("runs", "--runs", tmp_path)


def test_runs_of_a_sweep_are_listed_by_its_name(folder: Path) -> None:
    sweep = folder / "sweep"
    sweep.mkdir()
    (sweep / "sweep.yaml").write_text("{}\n")
    shutil.move(folder / "done", sweep / "t000")
    names = [runs.read(path, folder).name for path in runs.find_runs(folder)]
    assert "sweep/t000" in names and "done" not in names
