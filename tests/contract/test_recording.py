"""Recordings as CSV: what is written is read again, and what cannot be is one line."""

import numpy as np
import pytest

from sleight.contract.recording import FEWEST, Recording, read_csv, write_csv
from sleight.envs.hands.shadow import SHADOW_RIGHT as HAND
from sleight.errors import DataError


def recording(turns=FEWEST, **changes):
    rng = np.random.default_rng(0)
    times_s = 0.08 * np.arange(turns)
    whole = {
        "source": "made",
        "period_s": 0.08,
        "command_s": times_s + 0.005,
        "target": rng.normal(size=(turns, 20)),
        "state_s": times_s,
        "position": rng.normal(size=(turns, 24)),
        "effort": rng.normal(size=(turns, 20)),
    }
    return Recording(**whole | changes)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "joints.csv"


@pytest.mark.parametrize("effort", [True, False])
def test_what_is_written_is_read_again(path, effort):
    written = recording() if effort else recording(effort=None)
    path.write_text(write_csv(written, HAND))
    found = read_csv(path, HAND)
    for name in ("command_s", "target", "state_s", "position"):
        np.testing.assert_array_equal(getattr(found, name), getattr(written, name))
    assert (found.effort is not None) is effort
    assert found.period_s == pytest.approx(0.08)
    assert read_csv(path, HAND, at_once=True).period_s == 0.0


def test_columns_may_come_in_any_order_and_without_times_of_commands(path):
    lines = [line.split(",")[::-1] for line in write_csv(recording(), HAND).splitlines()]
    at = lines[0].index("command_s")
    path.write_text("\n".join(",".join(row[:at] + row[at + 1 :]) for row in lines))
    found = read_csv(path, HAND)
    np.testing.assert_array_equal(found.position, recording().position)
    np.testing.assert_array_equal(found.command_s, found.state_s)


@pytest.mark.parametrize(
    ("edit", "line"),
    [
        (lambda t: t.replace("target.FFJ0", "target.FFJ1"), "column 'target.FFJ1', did you mean"),
        (lambda t: t.replace("position.LFJ2,", "", 1), "got no column position.LFJ2"),
        (lambda t: t + "1,2\n", f"line {FEWEST + 2}: got 2 cells, allowed: 66"),
        (lambda t: "\n".join(t.splitlines()[:50]), "got 49 turns, allowed: 50 or more"),
        (lambda t: t.replace("\n0.08,", "\nsoon,"), "allowed: numbers"),
        (lambda t: t.replace("\n0.08,", "\nnan,"), "line 3: time_s: got nan, allowed: a finite"),
        (lambda t: t.replace("\n0.08,", "\n,"), "line 3: time_s: got nan, allowed: a finite"),
        (lambda t: t.replace("\n0.08,", "\nsoon,"), "line 3: time_s: got 'soon', allowed: numb"),
        (lambda t: t.replace("position.", "position.lh_"), "got the prefix 'lh_', allowed: a righ"),
        (lambda t: t.replace("position.FFJ3", "position.xFFJ3"), "column 'position.xFFJ3', did"),
        (lambda t: t.replace("\n0.08,", "\n0.0,"), "state_s: got times that do not rise"),
        (lambda t: "", "got no column time_s"),
    ],
)
def test_what_is_no_recording_is_one_line(path, edit, line):
    path.write_text(edit(write_csv(recording(), HAND)))
    with pytest.raises(DataError) as caught:
        read_csv(path, HAND)
    assert line in str(caught.value) and str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


AS_PEOPLE_WRITE = {
    "byte order mark": lambda t: "\ufeff" + t,
    "Windows' ends of lines": lambda t: t.replace("\n", "\r\n"),
    "semicolons and decimal commas": lambda t: t.replace(",", ";").replace(".", ",").replace(
        "position,", "position.").replace("target,", "target.").replace("effort,", "effort."),
    "tabs": lambda t: t.replace(",", "\t"),
    "tabs and decimal commas": lambda t: "\n".join(
        [t.splitlines()[0].replace(",", "\t")]
        + [line.replace(",", "\t").replace(".", ",") for line in t.splitlines()[1:]]),
    "spaces": lambda t: t.replace(",", " , "),
    "empty lines": lambda t: "\n" + t.replace("\n", "\n\n") + "\n \n",
    "empty last rows": lambda t: t + "," * 65 + "\n" + "," * 65 + "\n",
    "an empty last column": lambda t: t.replace("\n", ",\n"),
    "quotes": lambda t: "\n".join(
        ",".join(f'"{cell}"' for cell in line.split(",")) for line in t.splitlines()),
    "Excel's first line": lambda t: "sep=;\n" + t.replace(",", ";"),
    "ROS's names": lambda t: t.replace("position.", "position.rh_").replace("target.", "target.rh_")
        .replace("effort.", "effort.rh_"),
    "ROS's names of joints": lambda t: t.replace("position.", "position.rh_"),
}  # fmt: skip


@pytest.mark.parametrize("name", AS_PEOPLE_WRITE)
def test_tables_as_spreadsheets_and_people_write_them(path, name):
    written = recording()
    path.write_text(AS_PEOPLE_WRITE[name](write_csv(written, HAND)), encoding="utf-8")
    found = read_csv(path, HAND)
    for part in ("command_s", "target", "state_s", "position", "effort"):
        np.testing.assert_array_equal(getattr(found, part), getattr(written, part))


def test_unicode_text_of_excel_is_read(path):
    path.write_text(write_csv(recording(), HAND).replace(",", "\t"), encoding="utf-16")
    np.testing.assert_array_equal(read_csv(path, HAND).position, recording().position)


@pytest.mark.parametrize("cell", ["", "nan", "NaN"])
def test_an_effort_that_is_not_measured_is_left_out(path, cell):
    lines = [line.split(",") for line in write_csv(recording(), HAND).splitlines()]
    lines[7][lines[0].index("effort.FFJ3")] = cell
    path.write_text("\n".join(map(",".join, lines)))
    found = read_csv(path, HAND)
    assert found.effort is None
    np.testing.assert_array_equal(found.position, recording().position)
