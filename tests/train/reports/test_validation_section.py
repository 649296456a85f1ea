"""The part of a run page about hard cases: what it says, and files that are none."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from sleight.files import write_json
from sleight.train.reports.run_report import write_report
from sleight.train.reports.validation_section import validation_section
from sleight.train.validation.regression import compare
from sleight.train.validation.set_result import CaseResult, SetResult

LAW = "relative_to_target"
CASES = (
    CaseResult("case 1", (0, 0, 1, 0), 4, 0, "gravity -11 <b>", 2.0),
    CaseResult("case 2", (6, 8, 7, 9), 0, 4, "hand.gain 0.7", 5.5),
)
RESULT = SetResult("new", "digest", "finder", 8.2, 4.0, 0, 4, LAW, {}, CASES)


def test_a_folder_with_nothing_else_has_a_page(tmp_path: Path) -> None:
    write_json(tmp_path / "validation.json", RESULT.data())
    text = write_report(tmp_path).read_text()
    for words in ("Validation set", "1 of 2", "0.25\xa0±\xa00.25", "7.50\xa0±\xa00.65", "8.20",
                  "gravity -11 &lt;b&gt;", "failed", "passed", "mean of 4 successes"):  # fmt: skip
        assert words in text, words
    assert "regression" not in text and "before</th>" not in text
    (figure,) = (json.loads(each.split("'")[0]) for each in text.split("data-figure='")[1:])
    means = {
        (x, y) for trace in figure["data"] for x, y in zip(trace["x"], trace["y"], strict=True)
    }
    assert means == {(0, 0.25), (1, 7.5)}
    assert all(
        y - below >= 0
        for trace in figure["data"]
        for y, below in zip(trace["y"], trace["error_y"]["arrayminus"], strict=True)
    ), "no interval reaches below zero"


def test_a_comparison_is_shown(cli, tmp_path: Path, reach_run: Path) -> None:
    old = replace(
        RESULT, player="old", cases=tuple(replace(c, successes=(9, 9, 8, 9)) for c in CASES)
    )
    result = replace(RESULT, against=compare(old, RESULT))
    file = write_json(tmp_path / "result.json", result.data())
    page = tmp_path / "page.html"
    assert cli("report", reach_run, "--validation", file, "--out", page)[0] == 0
    text = page.read_text()
    assert "regressions: case\xa01" in text and "before</th>" in text
    assert "Before: old, which passed 2, with 8.75 ± 0.18 successes" in text


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "truncated JSON"),
        ('{"kind": "validation set"}', "kind: got"),
        ("[1]", "kind: got list"),
    ],
)
def test_a_file_that_is_no_result_is_left_out_and_named(text, says, tmp_path: Path) -> None:
    (tmp_path / "eval.json").write_text('{"trials": [1, 2]}')
    (tmp_path / "validation.json").write_text(text)
    page = write_report(tmp_path).read_text()
    assert "validation.json: " + says in page and "the validation set is left out" in page
    assert validation_section(None) == ""
