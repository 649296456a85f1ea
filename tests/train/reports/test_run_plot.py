"""`sleight runs --plot`: seeds of one config are one line; a JSON file has the data."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from sleight.config import yamlfile
from sleight.files import read_json
from sleight.train.reports.run_plot import seed_groups
from sleight.train.runs.run_table import read


def _run(like: Path, root: Path, name: str, successes: float, **changes: object) -> Path:
    """A run whose successes rise to `successes` in 1,000 steps."""
    folder = root / name
    shutil.copytree(like, folder)
    settings = {**yamlfile.read(folder / "config.yaml"), "name": name, **changes}
    (folder / "config.yaml").write_text(json.dumps(settings))
    rows = [
        {"steps": steps, "seconds": steps / 100, "successes_mean": successes * steps / 1000}
        for steps in range(100, 1001, 100)
    ]
    (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


@pytest.fixture
def runs(reach_run: Path, tmp_path: Path) -> list[Path]:
    """Three seeds of one config, and one run of another."""
    seeds = [_run(reach_run, tmp_path, f"wide-{n}", 10.0 * n, seed=n) for n in (1, 2, 3)]
    return [*seeds, _run(reach_run, tmp_path, "other", 5.0, seed=1, steps=9999)]


def test_seeds_of_one_config_are_one_group(runs: list[Path]) -> None:
    groups = seed_groups([read(run) for run in runs])
    assert {name: len(group) for name, group in groups.items()} == {"wide": 3, "other": 1}


def test_groups_of_one_name_are_both_drawn(
    runs: list[Path], reach_run: Path, tmp_path: Path
) -> None:
    runs.append(_run(reach_run, tmp_path, "wide", 5.0, seed=1, steps=8888))
    groups = seed_groups([read(run) for run in runs])
    assert [len(group) for group in groups.values()] == [3, 1, 1]


def test_a_file_that_is_no_data_of_a_plot_is_kept(
    runs: list[Path], tmp_path: Path, refused: Callable[..., str]
) -> None:
    (tmp_path / "mine.json").write_text('{"mine": 1}')
    assert "mine.json, which is not the data of a plot" in refused(
        "runs", "--plot", tmp_path / "mine.png", *runs
    )
    assert (tmp_path / "mine.json").read_text() == '{"mine": 1}'
    assert not (tmp_path / "mine.png").exists()


def test_the_picture_has_its_data_beside_it(
    runs: list[Path], tmp_path: Path, cli: Callable[..., tuple[int, str, str]]
) -> None:
    picture = tmp_path / "curves.png"
    for _ in range(2):  # the data of an earlier plot is replaced
        assert cli("runs", "--plot", picture, *runs) == (0, f"{picture}\n", "")
    with Image.open(picture) as image:
        assert image.width > 1000 and len(image.convert("L").getcolors() or []) > 10
    wide = read_json(picture.with_suffix(".json"))["stages"]["wide"]
    assert (wide["runs"], wide["steps"][-1], wide["seconds"][-1]) == (3, 1000, 10)
    assert (wide["low"][-1], wide["median"][-1], wide["high"][-1]) == (10, 20, 30)


def test_what_cannot_be_drawn_is_refused_in_one_line(
    runs: list[Path], tmp_path: Path, refused: Callable[..., str]
) -> None:
    assert "allowed: a name with .png, .svg, .pdf" in refused("runs", "--plot", "a.bmp", *runs)
    assert "got no runs" in refused("runs", "--plot", tmp_path / "a.png")
    (runs[0] / "metrics.jsonl").write_text('{"steps": 10, "seconds": 1.0}\n')
    assert "wide-1: got no successes" in refused("runs", "--plot", tmp_path / "a.png", *runs)
    assert not list(tmp_path.glob("a.*"))
