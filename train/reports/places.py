"""One table of a run's successes, in every place where its policy was measured."""

from __future__ import annotations

from ...pages import html
from ...pages.show import NONE, number, pair, show
from .run_data import Row, Run, series

HEAD = ("where", "which worlds", "goals in a row", "median", "at most", "trials")
ABOUT = (
    "Goals reached in a row until the object is dropped, a goal takes too long, or the maximum is"
    " reached. The numbers differ because the worlds differ."
)
WORLDS = {
    "training": "drawn from the ranges of randomization, with exploration noise",
    "evaluation": "the nominal world; no exploration noise",
    "rigs": "simulated rigs whose hands differ from training's, without a clock",
    "rig": "one rig in real time, through the safety gate",
}
"""Place -> its worlds, in the order of the table."""


def places_section(run: Run) -> str:
    """The table of all places; empty for fewer than two."""
    cap = number(_goals(run.config.get("env")).get("max_successes"))
    rows = [_training(run, cap), *_measured(run, cap)]
    known = [row for row in rows if row is not None]
    if len(known) < 2:
        return ""
    return html.section("The policy in each place", [html.table(HEAD, known, 4)], ABOUT)


def transfer_row(transfer: Row | None) -> Row | None:
    """The row of the unchanged rigs in a file of `sleight bench sim_to_sim --json`."""
    rows = transfer.get("rows") if transfer else None
    plain = [
        row
        for row in (rows if isinstance(rows, list) else ())
        if isinstance(row, dict) and row.get("variant") == "none"
    ]
    return plain[0] if plain else None


def _training(run: Run, cap: float | None) -> tuple[str, ...] | None:
    values = series(run.rows, "steps", "successes_mean")[1]
    if not values:
        return None
    about = WORLDS["training"]
    return ("end of training", about, pair(values[-1], None), NONE, show(cap), "last 200 episodes")


def _measured(run: Run, cap: float | None) -> list[tuple[str, ...] | None]:
    evaluation = run.evaluation or {}
    own = number(_goals(evaluation.get("settings")).get("max_successes"))
    worlds = _drawn(evaluation) or WORLDS["evaluation"]
    rig = run.rig.result if run.rig else None
    return [
        _row("evaluation", worlds, run.evaluation, own),
        _row("rigs", WORLDS["rigs"], transfer_row(run.transfer), cap),
        _row("rig", WORLDS["rig"], rig, cap),
    ]


def _row(name: str, worlds: str, result: Row | None, cap: float | None) -> tuple[str, ...] | None:
    trials = result.get("trials") if result else None
    if not result or not isinstance(trials, list):
        return None
    error = result.get("standard_error") if len(trials) > 1 else None
    mean = pair(result.get("mean"), error)
    return (name, worlds, mean, show(result.get("median")), show(cap), str(len(trials)))


def _drawn(evaluation: Row) -> str:
    """The parameters that differ between the worlds of an evaluation."""
    worlds = evaluation.get("worlds")
    return f"drawn: {', '.join(worlds)}" if isinstance(worlds, dict) and worlds else ""


def _goals(owner: object) -> Row:
    goals = owner.get("goals") if isinstance(owner, dict) else None
    return goals if isinstance(goals, dict) else {}
