"""The full cube without a hand: lost cubelets, jams, pushes, corner cutting, time of a step.

    sleight bench cube [--models cube cube-stiff] [--turns 1000] [--page cube.html]

Quarter turns of all faces, both ways, at 0.5 to 8 rad/s and at most 0.15 Nm, of a cube whose core
is free and shaken (2 N, 0.02 Nm) and whose cubelets feel random forces (0.1 N). *Lost*: a cubelet
is more than 20 degrees from a legal cube. *Jam*: a layer is 15 degrees or more away 0.4 s after it
should have arrived. Pushes: 5 N on a cubelet for 0.2 s. Corner cutting: the largest angle of a
neighbouring face, which is free, at which a face still turns; forward: the turn moves the
neighbour's corner back to its place, reverse: further away.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from sleight.envs.objects.cubes.trials import RandomTurns, cutting, free_cube, pushes, turning
from sleight.files import write_json, write_text
from sleight.flags import Parser, check_count
from sleight.pages import html
from sleight.pages.charts import Line, line_chart
from sleight.pages.colours import BLUE
from sleight.pages.figure import Frame

MODELS = ("cube", "cube-stiff")
PUSHES = 60
TORQUES = tuple(round(0.01 * number, 2) for number in range(1, 16, 2))
"""Torques for corner cutting [Nm]."""
PRINTED = (0.05, 0.15)
LARGEST_DEG, STEP_DEG = 57, 3
EVEN_TORQUE = 0.02
"""For the angle over time [Nm]."""

Row = dict[str, Any]


def measure(name: str, turns: int, worlds: int, seed: int = 0) -> Row:
    """Everything about one model, by name."""
    model = free_cube(name)
    bend, left = pushes(model, PUSHES, seed)
    row = asdict(RandomTurns(model, worlds, seed).run(turns)) if turns else {}
    return {
        "model": name,
        **row,
        "push_bend_deg": bend,
        "push_lost": left,
        "cutting": {torque: limits(model, torque) for torque in TORQUES},
        "angles_deg": turning(model, EVEN_TORQUE).tolist(),
    }


def limits(model: Any, torque: float) -> tuple[float, float]:
    """Largest angles in degrees, forward and reverse, up to which every smaller one turns too."""
    degrees = np.arange(0, LARGEST_DEG + 1, STEP_DEG)
    both = np.radians(np.concatenate((degrees, -degrees)))
    forward, reverse = cutting(model, torque, both).reshape(2, -1)
    return _last(degrees, forward), _last(degrees, reverse)


def _last(degrees: np.ndarray, passed: np.ndarray) -> float:
    """The angle before the first that fails; -1 if the first does."""
    count = int(np.argmin(passed)) if not passed.all() else len(passed)
    return float(degrees[count - 1]) if count else -1.0


def table(rows: Sequence[Row]) -> str:
    """The results as text."""
    cuts = "  ".join(f"{f'cut {torque} Nm':>13}" for torque in PRINTED)
    lines = [
        f"{'':<12} {'turns':>6} {'lost':>5} {'jams':>5} {'rows':>5} {'us/step':>8}"
        f" {'bend':>5} {'pushed':>7} {'lost':>5}  {cuts}"
    ]
    for row in rows:
        sides = ["/".join(f"{side:.0f}" for side in row["cutting"][torque]) for torque in PRINTED]
        lines.append(
            f"{row['model']:<12} {row.get('turns', 0):>6}"
            f" {row.get('lost', 0) + row.get('broken', 0):>5} {row.get('jams', 0):>5}"
            f" {row.get('rows', 0):>5.0f} {row.get('us_per_step', 0):>8.0f}"
            f" {row.get('bend_deg', 0):>5.1f} {row['push_bend_deg']:>7.1f} {row['push_lost']:>5}  "
            + "  ".join(f"{text:>13}" for text in sides)
        )
    away = differences(rows)
    return "\n".join([*lines, "", *(f"{name}: {gap:.2f} degrees" for name, gap in away.items())])


def differences(rows: Sequence[Row]) -> dict[str, float]:
    """Largest difference of the angle over time from the last model's [deg]."""
    last = rows[-1]
    found = {}
    for row in rows[:-1]:
        count = min(len(row["angles_deg"]), len(last["angles_deg"]))
        gaps = np.subtract(row["angles_deg"][:count], last["angles_deg"][:count])
        found[f"{row['model']}, angle over time from {last['model']}"] = float(abs(gaps).max())
    return found


def page(rows: Sequence[Row]) -> str:
    """A page with corner cutting against torque."""
    drawings = []
    for row in rows:
        lines = [
            Line(side, TORQUES, [row["cutting"][torque][which] for torque in TORQUES],
                 colour=BLUE, dashed=bool(which))
            for which, side in enumerate(("forward", "reverse"))
        ]  # fmt: skip
        frame = Frame(f"{row['model']}: corner cutting, degrees", x_label="torque, Nm")
        drawings.append(line_chart(frame, lines))
    about = "Largest angle of a neighbouring face at which a face still turns."
    return html.page("Corner cutting", [html.section("Corner cutting", drawings, about)])


def main(argv: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = Parser("sleight bench cube", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--models", nargs="+", default=list(MODELS), help="objects, one or more")
    parser.add_argument("--turns", type=int, default=1000, help="quarter turns of each model")
    parser.add_argument("--worlds", type=int, default=50, help="cubes that turn at a time")
    parser.add_argument("--seed", type=int, default=0, help="seed of the turns and pushes")
    parser.add_argument("--json", type=Path, help="also write the results to this JSON file")
    parser.add_argument("--page", type=Path, help="also draw corner cutting on this HTML page")
    args = parser.parse_args(argv)
    check_count("--turns, --worlds", args.turns)
    check_count("--turns, --worlds", args.worlds)
    rows = []
    for name in args.models:
        rows.append(measure(name, args.turns, args.worlds, args.seed))
    print(table(rows))
    if args.json:
        write_json(args.json, {"models": rows})
    if args.page:
        write_text(args.page, page(rows))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
