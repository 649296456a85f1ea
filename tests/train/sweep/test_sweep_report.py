"""What a sweep's page says: effects beside their noise, by hand, and nothing from a network."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sleight.config import save as save_config
from sleight.pages.markup import source
from sleight.train.config import TrainConfig
from sleight.train.sweep import sweep_folder as sweep_folder
from sleight.train.sweep.config import FieldConfig, SweepConfig
from sleight.train.sweep.reports import effects
from sleight.train.sweep.reports.sweep_report import ranked, report, summary, write_report
from sleight.train.sweep.space import Dimension
from sleight.train.sweep.sweep_state import State
from tests.train.browser import BROWSER, DRIVER, Browser

GAMMA = FieldConfig(values=(0.9, 0.99))
CLIP = FieldConfig(low=0.1, high=0.9)
Made = Callable[..., tuple[State, Path]]


@pytest.fixture
def made(reach_config: TrainConfig, tmp_path: Path) -> Made:
    """A sweep's folder with these settings and scores."""

    def make(tried: list[tuple[dict[str, Any], list[float]]], **fields: Any) -> tuple[State, Path]:
        save_config(replace(reach_config, steps=900), tmp_path / "reach.yaml")
        config = SweepConfig(train="reach.yaml", runs=str(tmp_path / "runs"), name="<s>", **fields)
        save_config(config, tmp_path / "s.yaml")
        config, folder = sweep_folder.place(tmp_path / "s.yaml")
        _, journal = sweep_folder.create(config, folder, tmp_path / "s.yaml")
        for index, (values, scores) in enumerate(tried):
            journal.add("setting", setting=index, values=values)
            for seed, score in enumerate(scores):
                run = folder / f"t{index:03d}-s{seed}"
                run.mkdir()
                rows = [{"steps": s, "successes_mean": score * s / 900} for s in (300, 600, 900)]
                text = "".join(json.dumps(row) + "\n" for row in rows)
                (run / "metrics.jsonl").write_text(text)
                journal.add("end", setting=index, seed=seed, state="complete", value=score,
                            steps=900, remark="")  # fmt: skip
        return sweep_folder.read(folder), folder

    return make


FIELDS = {"ppo.gamma": GAMMA, "ppo.clip_range": CLIP}
FOUR = [
    ({"ppo.gamma": "0.9", "ppo.clip_range": 0.1}, [1.0, 3.0]),
    ({"ppo.gamma": "0.9", "ppo.clip_range": 0.9}, [2.0, 4.0]),
    ({"ppo.gamma": "0.99", "ppo.clip_range": 0.1}, [6.0, 8.0]),
    ({"ppo.gamma": "0.99", "ppo.clip_range": 0.9}, [7.0, 9.0]),
]


def test_effects_and_noise_by_hand(made: Made) -> None:
    state, _ = made(FOUR, fields=FIELDS, seeds=2)
    gamma, clip = effects.effects(state)
    # Means of gamma: (1+3+2+4)/4 and (6+8+7+9)/4; of clip: (1+3+6+8)/4 and (2+4+7+9)/4.
    assert (gamma.dimension.name, gamma.size) == ("ppo.gamma", 7.5 - 2.5)
    assert (clip.dimension.name, clip.size) == ("ppo.clip_range", 5.5 - 4.5)
    # Seeds differ by 2 in every setting: variance 2; four runs a group.
    assert gamma.noise == pytest.approx(2 * (2 * (1 / 4 + 1 / 4)) ** 0.5)
    assert clip.noise is not None and clip.size < clip.noise < gamma.size
    # Of the variance of the means 2, 3, 7, 8, which is 26 / 3, seeds give 2 / 2.
    assert effects.noise_share(state) == pytest.approx(1 / (26 / 3))
    assert [tried.index for tried in ranked(state)] == [3, 2, 1, 0]


def test_importance_finds_the_field_that_matters(made: Made) -> None:
    rng = np.random.default_rng(0)
    drawn = [(str(rng.choice([0.9, 0.99])), float(rng.uniform(0.1, 0.9))) for _ in range(30)]
    tried = [
        ({"ppo.gamma": g, "ppo.clip_range": c}, [10 * c + rng.normal(0, 0.1)]) for g, c in drawn
    ]
    state, _ = made(tried, fields=FIELDS, trials=30)
    shares = effects.importance(state)
    assert shares is not None and sum(shares.values()) == pytest.approx(1)
    assert shares["ppo.clip_range"] > 0.9
    assert effects.noise_share(state) is None


def test_a_place_on_an_axis() -> None:
    log = Dimension("a", low=1e-4, high=1e-2, log=True)
    assert [effects.position(log, v) for v in (1e-4, 1e-3, 1e-2)] == pytest.approx([0, 0.5, 1])
    assert effects.position(Dimension("b", choices=("x", "y")), "y") == 0.75


def test_the_page_stands_alone(made: Made) -> None:
    state, folder = made(FOUR, fields=FIELDS, seeds=2)
    text = write_report(state, folder).read_text()
    own = text.replace(str(source("plotly-basic.min.js")), "")
    assert not re.search(r'(src|href)="(?!data:)|@import|url\(', own)
    assert "&lt;s&gt;" in text and "<s>" not in text
    parallel = json.loads(re.findall(r"data-figure='([^']*)'", text)[0])
    assert [line["hovertext"].split(":")[-1] for line in parallel["data"]] == [
        " 2",
        " 3",
        " 7",
        " 8",
    ], "a line for each setting, the best on top"
    assert "8 ± 1" in text and "± 1.41 between seeds (4 degrees of freedom)" in text
    assert "(seeds alone)" in text
    assert summary(state).splitlines()[1].split()[:4] == ["8", "±", "1", "t003"]


@pytest.mark.parametrize("count", [0, 1, 2])
def test_a_page_of_little_is_a_page(made: Made, count: int) -> None:
    state, folder = made(FOUR[:count], fields=FIELDS, seeds=2)
    assert ("No run is complete yet" in report(state, folder)) == (count == 0)
    assert effects.importance(state) is None, "too few to say"


def test_a_sweep_of_seeds_alone_measures_the_noise(made: Made) -> None:
    state, folder = made([({}, [1.0, 2.0, 3.0])], method="grid", seeds=3)
    assert state.noise() == (1.0, 2)
    assert "± 1 between seeds" in report(state, folder)


def test_the_command_writes_the_page_again(
    made: Made, tmp_path: Path, cli: Callable[..., tuple[int, str, str]]
) -> None:
    _, folder = made(FOUR, fields=FIELDS, seeds=2)
    code, out, _ = cli("sweep", tmp_path / "s.yaml", "--report")
    assert (code, out) == (0, f"{folder / 'report.html'}\n")


@pytest.mark.skipif(not (BROWSER and DRIVER), reason="needs chromium and chromium-driver")
def test_it_is_drawn_in_a_browser(made: Made, tmp_path: Path) -> None:
    state, folder = made(FOUR, fields=FIELDS, seeds=2)
    browser = Browser(tmp_path / "profile")
    try:
        browser.go(write_report(state, folder))
        lines = "document.querySelector('.plot').querySelectorAll('.js-line')"
        assert browser.run(f"return {lines}.length") == 4
        charts = browser.charts()
        assert all(chart["ink"] and not chart["out"] for chart in charts), charts
        assert browser.faults() == [] and browser.log("browser") == []
        assert all(url.startswith("file:") for url in browser.asked("report.html"))
        # Halfway between the axes: the best goes from 0.75 of the first to 1 of the second.
        tip = browser.point(".nsewdrag", 1 / 4, (1.02 - 0.875) / 1.04)
        assert tip == ["t003  ppo.gamma 0.99  ppo.clip 0.9: 8"]
    finally:
        browser.close()
