"""The run page: what is shown, what is left out and said, and that it needs nothing but itself."""

import json
import math
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sleight.adr import persistence
from sleight.adr.adr_config import AdrConfig, Dimension
from sleight.adr.reports import record
from sleight.adr.sampling import sample
from sleight.adr.state import AdrState, initial
from sleight.adr.updates import update
from sleight.envs.randomization.table import BY_NAME
from sleight.errors import DataError
from sleight.pages.markup import source
from sleight.train.reports.run_report import write_report

TRIALS = [0, 3, 12, 7, 50, 0]
VOID = {"meta", "link", "br", "hr", "img", "input"}


def curve(path: Path, count: int = 40, best: float = 9.0) -> None:
    """A metrics.jsonl whose last line was cut off."""
    rows = [
        {
            "steps": 8192 * i,
            "seconds": 6.0 * i,
            "successes_mean": best * i / count,
            "kl": 0.01,
            "entropy": 48.0 - i / 10,
            "learning_rate": 5e-4,
            "explained_variance": math.nan if i == 1 else 1 - 1 / i,
            "steps_per_second": 1300.0,
            "adr_entropy": -4.6 + i / count,
        }
        for i in range(1, count + 1)
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    text = "".join(json.dumps(row) + "\n" for row in rows)
    path.write_text(text + '{"steps": 40960, "secon')


def widened() -> AdrState:
    """An ADR state that has moved: two parameters and the curriculum."""
    dimensions = (
        Dimension("object.mass", step=0.2),
        Dimension("observation.noise", floor=0.0, low_moves=False, step=0.2),
        Dimension("goal.angle", floor=0.0, low_moves=False, counts=False, step=0.3),
    )
    config, rng = AdrConfig(buffer=5), np.random.default_rng(0)
    state = initial(dimensions, config)
    for step in range(1, 9):
        drawn = sample(state, config, rng, 64, np.arange(64))
        state = record(state, config, drawn.boundary, drawn.version, [30.0] * 64)
        state, _ = update(state, config, 8192 * step)
    return state


def rig_run(folder: Path) -> None:
    """A run on the simulated rig: two trials, one late turn."""
    folder.mkdir(parents=True)
    spread = {"p50": 0.31, "p99": 1.25, "max": 21.5}
    histogram = {"edges": [0.0, 1.0, 20.0, 22.0], "counts": [60, 0, 1]}
    timing = {"period_s": 0.08, "ticks": 61, "late_ticks": 1, "late_is_s": 0.02,
              "dropped_ticks": 0, "lateness_ms": spread, "policy_ms": None,
              "histograms_ms": {"lateness": histogram}}  # fmt: skip
    trials = [{"successes": 7, "ending": "dropped", "duration_s": 31.3, "holds": 0},
              {"successes": 4, "ending": "timeout", "duration_s": 40.0, "holds": 1}]  # fmt: skip
    result = {"end": "done", "hand": {"simulated": True}, "holds": 1, "complete": 2, "mean": 5.5,
              "standard_error": 1.5, "median": 5.5, "max": 7, "per_trial": trials}  # fmt: skip
    (folder / "timing.json").write_text(json.dumps(timing))
    (folder / "result.json").write_text(json.dumps(result))


def whole_run(root: Path) -> Path:
    """Everything that a run can leave behind, but a real film."""
    folder = root / "block <1>"
    curve(folder / "metrics.jsonl")
    persistence.save(widened(), folder / "adr.json")
    (folder / "config.yaml").write_text("env: {task: block, num_worlds: 96}\n")
    saved = folder / "checkpoints" / "000000327680"
    saved.mkdir(parents=True)
    (saved / "checkpoint.json").write_text('{"versions": {"commit": "abc123+", "torch": "9.8"}}')
    found = {"trials": TRIALS, "mean": 12.0, "standard_error": 7.83, "median": 5.0, "max": 50,
             "drops": 4, "settings": {"seed": 3, "goals": {"threshold_rad": 0.4}}}  # fmt: skip
    (folder / "eval.json").write_text(json.dumps(found))
    rig_run(folder / "rig-block-1")
    (folder / "videos").mkdir()
    (folder / "videos" / "000000327680.mp4").write_bytes(b"not really a film")
    return folder


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return whole_run(tmp_path)


class _Page(HTMLParser):
    """Text, attributes that could load something, and whether the tags are balanced."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.sources: list[str] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.sources += [value or "" for name, value in attrs if name in ("src", "href", "poster")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] not in ("style", "script"):
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def _read(folder: Path, **options: Any) -> _Page:
    page = _Page(write_report(folder, **options).read_text())
    assert not page.open, "tags that are never closed"
    return page


def test_a_whole_run_is_shown(run: Path) -> None:
    page = _read(run)
    for words in ("block <1>", "Task block", "Worlds 96", "327,680", "4 min", "abc123+",
                  "Learning", "Learner", "Randomization", "Evaluation", "12.0 ± 7.8", "5, 50",
                  "torch 9.8", "On the simulated rig", "5.50 ± 1.50", "late turns (over 20 ms)",
                  "dropped", "threshold_rad: 0.4"):  # fmt: skip
        assert words in page.text, words
    chips = re.findall(r"<i style=[^>]*>(\d+)</i>", (run / "report.html").read_text())
    assert [int(chip) for chip in chips] == TRIALS
    assert "unreadable line" in page.text, "the cut line of metrics.jsonl is said"


def test_the_page_asks_for_nothing_from_outside(run: Path) -> None:
    text = write_report(run).read_text()
    assert [s[:15] for s in _Page(text).sources] == ["data:video/mp4;"]
    library = str(source("plotly-basic.min.js"))
    assert library in text, "the charting library is inside"
    own = text.replace(library, "")
    assert not re.search(r"\b(?:https?|wss?|ftp)://|@import|url\(", own)
    assert "default-src 'none'" in own, "which also holds the library to it"


def test_one_table_of_all_places_and_what_is_possible_in_each(run: Path) -> None:
    (run / "config.yaml").write_text("env: {task: block, goals: {max_successes: 10}}\n")
    row = {"policy": "bundle", "variant": "none", "mean": 6.5, "standard_error": 0.5,
           "median": 6.5, "trials": [6, 7]}  # fmt: skip
    others = [{"variant": "glove", "mean": 0.123, "trials": [0]}, 7]
    (run / "transfer.json").write_text(json.dumps({"rows": [*others, row]}))
    text = write_report(run).read_text()
    table = re.findall(r"<table.*?</table>", text, re.DOTALL)[0]
    cells = [re.sub(r"<[^>]+>|\s+", " ", line).split() for line in table.split("</tr>")]
    ends = {line[0]: line[-5:] for line in cells if line}
    assert ends["rigs"] == ["6.50", "±", "0.50", "6.5", "10", "2"][-5:]
    assert "of" not in ends and "0.123" not in table
    (run / "transfer.json").write_text("[")
    assert "rigs without a clock are left out" in _read(run).text


def test_ranges_are_in_physical_units(run: Path) -> None:
    state = widened()
    low, high = (
        float(BY_NAME["object.mass"].value(np.array(e[0]))) for e in (state.low, state.high)
    )
    assert low < 0.9 and high > 1.1, "the state must have moved for this test to say anything"
    page = _read(run)
    assert f"{low:.3g} to {high:.3g} x" in page.text
    assert f"0.5 to {0.5 + state.high[2]:.3g} rad" in page.text


def test_expected_is_drawn_as_far_as_the_run_has_come(run: Path, tmp_path: Path) -> None:
    curve(tmp_path / "other" / "metrics.jsonl", count=400, best=90.0)
    text = write_report(run, expected=tmp_path / "other" / "metrics.jsonl").read_text()
    behind, own = json.loads(re.findall(r"data-figure='([^']*)'", text)[0])["data"]
    assert (behind["name"], own["name"]) == ("expected", "this run")
    assert behind["x"][-1] == own["x"][-1] == 40 * 8192


PARTS = {
    "metrics.jsonl": "Learner",
    "adr.json": "Ranges that",
    "eval.json": "each trial in a new world",
    "rig-block-1/result.json": "On the simulated rig",
    "videos/000000327680.mp4": "in real time",
}


@pytest.mark.parametrize("part", [p for p in PARTS if "mp4" not in p])
def test_a_missing_part_is_left_out_and_said(run: Path, part: str) -> None:
    assert PARTS[part] in _read(run).text
    (run / part).unlink()
    page = _read(run)
    assert PARTS[part] not in page.text
    assert "Left out" in page.text and "left out" in page.text


@pytest.mark.parametrize(
    "part", ["adr.json", "eval.json", "rig-block-1/result.json", "config.yaml"]
)
@pytest.mark.parametrize("damage", ["cut", "other", "binary"])
def test_a_broken_part_is_left_out_and_named(run: Path, part: str, damage: str) -> None:
    path = run / part
    whole = path.read_bytes()
    damaged = {"cut": whole[: len(whole) // 2], "other": b"[1, 2]", "binary": b"\xff\xfe\x00\x80"}
    path.write_bytes(damaged[damage])
    page = _read(run)
    assert "Learner" in page.text
    if part != "config.yaml":
        assert PARTS[part] not in page.text
        assert path.name in page.text or path.parent.name in page.text
        assert str(run.parent) not in page.text, "remarks do not spell out where the run lies"


def test_strange_values_do_not_break_the_page(run: Path) -> None:
    rows = [{"steps": "many", "kl": None}, {"steps": 1, "successes_mean": True, "kl": 10**400},
            {"steps": 2, "successes_mean": 1.5, "kl": {}}, [1], 7, "x"]  # fmt: skip
    (run / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows) + "\n\n{")
    (run / "eval.json").write_text('{"trials": [1, 2], "mean": "x", "settings": [1]}')
    (run / "rig-block-1" / "result.json").write_text(
        '{"hand": 3, "mean": [], "per_trial": [1, {}]}'
    )
    (run / "rig-block-1" / "timing.json").write_text('{"late_is_s": "x", "turn_ms": 4}')
    page = _read(run)
    assert "Learning" in page.text and "On the hand" in page.text


def test_names_and_facts_cannot_break_out(run: Path) -> None:
    evil = "<script>alert(1)</script>"
    (run / "config.yaml").write_text(f'env: {{task: "{evil}"}}\n')
    text = write_report(run, facts={"Note": evil}).read_text()
    assert text.count("<script>") == 3, "the library, the charts, the tables"
    assert _Page(text).text.count(evil) == 2


def test_a_rig_folder_from_elsewhere_and_another_place_for_the_page(
    run: Path, tmp_path: Path
) -> None:
    rig_run(tmp_path / "elsewhere")
    result = json.loads((tmp_path / "elsewhere" / "result.json").read_text())
    (tmp_path / "elsewhere" / "result.json").write_text(json.dumps({**result, "mean": 3.25}))
    out = write_report(run, tmp_path / "new" / "page.html", rig=tmp_path / "elsewhere")
    assert out == tmp_path / "new" / "page.html"
    assert "3.25 ± 1.50" in _Page(out.read_text()).text
    assert not (run / "report.html").exists()


def test_only_a_rig_run_is_enough(tmp_path: Path) -> None:
    rig_run(tmp_path / "run" / "rig" / "one")
    assert "On the simulated rig" in _read(tmp_path / "run").text


def _empty(path: Path) -> None:
    path.mkdir()


def _absent(path: Path) -> None:
    assert not path.exists()


@pytest.mark.parametrize("make", [_empty, _absent])
def test_nothing_to_report_on_is_one_line(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "run")
    with pytest.raises(
        DataError, match=r"run: got no part of a run, allowed: .*metrics.jsonl"
    ) as bad:
        write_report(tmp_path / "run")
    assert "\n" not in str(bad.value) and bad.value.exit_code == 2
    assert not (tmp_path / "run" / "report.html").exists()


def test_a_path_that_was_given_must_exist(run: Path, tmp_path: Path) -> None:
    for option in ("expected", "rig", "evaluation"):
        with pytest.raises(DataError, match="nowhere: no such file"):
            write_report(run, **{option: tmp_path / "nowhere"})
    assert not (run / "report.html").exists()
