"""What a command writes at its end is checked before its work, whatever the command."""

from pathlib import Path

import pytest

from sleight import cli

ROOT = Path(__file__).parents[2]
BUNDLE = str(ROOT / "pretrained" / "block")
BENCH = ("env", "scale", "sysid", "train")
FILES = [
    ["eval", BUNDLE, "--json"],
    ["eval", BUNDLE, "--html"],
    ["eval", BUNDLE, "--find-failures"],
    ["adr", "probe", BUNDLE, "--json"],
    ["adr", "probe", BUNDLE, "--html"],
    ["adr", "perturb", BUNDLE, "--json"],
    ["adr", "perturb", BUNDLE, "--html"],
    ["adr", "report", BUNDLE, "--out"],
    ["adr", "report", BUNDLE, "--csv"],
    ["play", BUNDLE, "--video"],
    ["report", BUNDLE, "--out"],
    ["export", BUNDLE, "--out"],
    ["runs", "--html"],
    ["calibrate", "recording.csv", "--out"],
    ["calibrate", "recording.csv", "--json"],
    ["calibrate", "recording.csv", "--csv"],
    ["vision", "states", BUNDLE, "--count", "9", "--out"],
    ["vision", "render", "--count", "9", "--out"],
    ["vision", "eval", BUNDLE, "--data", "x", "--json"],
    ["vision", "export", BUNDLE, "--bundle"],
    ["demo", "--runs"],
    *[["bench", name, "--json"] for name in BENCH],
    ["bench", "scale", "--plot"],
    ["bench", "sim_to_sim", BUNDLE, "--json"],
    ["bench", "transfer", BUNDLE, "--json"],
    ["bench", "timing", BUNDLE, "--json"],
    ["bench", "timing", BUNDLE, "--out"],
    ["bench", "soak", "--out"],
]


@pytest.mark.parametrize("words", FILES, ids=lambda words: " ".join(words).replace(BUNDLE, "P"))
def test_a_place_that_cannot_be_written_is_one_line_before_the_work(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    assert cli.main([*words, str(tmp_path / "file" / "result")]) == 2
    said = capsys.readouterr()
    assert said.out == "" and said.err.count("\n") == 1
    assert f"argument {words[-1]}: got {tmp_path}/file/result, which cannot be written" in said.err
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
