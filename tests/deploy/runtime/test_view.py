"""What an operator sees."""

import io
import re
from collections import Counter
from dataclasses import replace

from rich.console import Console

from sleight.deploy.runtime.operator_view import Progress, View, line, panel

AT = Progress(
    rig="lab1: block", seconds=61.5, trials_done=2, trials=10, successes=7, in_trial=3, goal_s=4.2,
    to_go="1.23 rad", phase="trial", gate="hold", reason="no pose of the object", ticks=760,
    late_ticks=3, lateness_s=0.0012, hand_age_s=0.006, pose_age_s=0.031, holds=2,
    gate_hits=Counter({"speed:FFJ3": 40, "error:THJ1": 2}), hottest=("FFJ3", 51.2), warn_c=50.0,
)  # fmt: skip


def shown(at):
    console = Console(file=io.StringIO(), width=100, force_terminal=False)
    console.print(panel(at))
    return console.file.getvalue()


def test_the_panel_has_state_ages_goal_successes_and_gate_hits():
    text = " ".join(shown(AT).split())
    for words in (
        "lab1: block", "HOLD no pose of the object", "3 of 10, trial", "6 ms old", "31 ms old",
        "3 in this trial, 7 in all", "1.23 rad to go, 4.2 s", "lateness 1.2 ms", "3 of 100, 2",
        "hottest motor FFJ3 51 C",
        "gate hits 42 speed:FFJ3 40, error:THJ1 2", "Ctrl-C: hold and end",
    ):  # fmt: skip
        assert words in text, (words, text)
    between = replace(AT, to_go="", pose_age_s=None, trials_done=10)
    assert "rad to go" not in shown(between)
    assert "none" in shown(between)
    assert "10 of 10" in shown(between)
    assert all(len(row) <= 100 for row in shown(AT).splitlines())


def test_a_file_gets_a_line_now_and_then():
    stream = io.StringIO()
    with View(stream) as view:
        for _ in range(50):
            view(AT)
    assert stream.getvalue().count("\n") == 1
    assert stream.getvalue().rstrip() == line(AT)
    assert re.match(
        r" +61.5 s  trial 3/10  trial .*successes 7 .*hand hold .*gate hits 42", line(AT)
    )


def test_a_terminal_gets_the_panel():
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    stream = Terminal()
    with View(stream) as view:
        view(AT)
    assert "lab1: block" in stream.getvalue()
