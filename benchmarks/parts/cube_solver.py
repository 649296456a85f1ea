"""Length and time of plans for a hand: the search for few steps against a library's solutions.

    sleight bench cube_solver [--scrambles 1000] [--budgets N ...] [--library true|false] [--seed 0]

Each scramble has 50 random quarter turns and starts with U on top, one core. The naive plan makes
the turns of rubik-solver-py in their order; the others are `plan_solve` with so many nodes. It
prints the rows of the table in docs/cube.md. Times are CPU times of a plan, without the tables.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator

import numpy as np

from sleight.envs.cube.cube_state import CubeState, random_turns
from sleight.envs.cube.notation import FaceTurn, apply_turns
from sleight.envs.cube.plan import Plan, plan_solve, plan_turns
from sleight.envs.cube.search import BUDGET
from sleight.envs.cube.solver_library import PACKAGE, library_solution
from sleight.flags import Parser, check_count, seed_of

Planner = Callable[[CubeState], Plan]
UP = "U"


def scramble(seed: int) -> CubeState:
    """The state after 50 random quarter turns."""
    turns = random_turns(np.random.default_rng(seed), 50)
    return apply_turns(FaceTurn(*turn) for turn in turns)


def naive(state: CubeState) -> Plan:
    """The library's turns in their order."""
    return plan_turns(library_solution(state), state, UP)


def planners(budgets: list[int], library: bool) -> dict[str, Planner]:
    """What is compared."""
    rows: dict[str, Planner] = {}
    if library:
        rows[f"{PACKAGE}, its turns in their order"] = naive
    for budget in budgets:
        rows[f"search, {budget:,} nodes"] = lambda state, n=budget: plan_solve(state, UP, budget=n)
    return rows


def row(name: str, planner: Planner, scrambles: int, seed: int) -> str:
    """One row: means, and the largest number of steps and time."""
    planner(scramble(seed))  # imports and tables
    results = []
    for n in range(scrambles):
        state = scramble(seed + n)
        start = time.process_time()
        plan = planner(state)
        spent = time.process_time() - start
        if not plan.end.solved:
            raise AssertionError(f"{name}: the plan of scramble {seed + n} does not solve it")
        results.append((plan.flips, plan.turns, len(plan.steps), spent))
    flips, turns, steps, spent = np.array(results).T
    counts = f"{flips.mean():.2f} | {turns.mean():.2f} | {steps.mean():.2f} | {steps.max():.0f}"
    times = f"{np.median(spent):.2f} | {spent.max():.2f}"
    return f"| {name} | {counts} | {times} |"


def rows(compared: dict[str, Planner], scrambles: int, seed: int) -> Iterator[str]:
    """Yield the lines of the Markdown table as they are measured."""
    yield "| plan | flips | quarter turns | steps | most steps | median [s] | longest [s] |"
    yield "|---|---|---|---|---|---|---|"
    for name, planner in compared.items():
        yield row(name, planner, scrambles, seed)


def main(argv: list[str] | None = None) -> int:
    """The command line."""
    parser = Parser("sleight bench cube_solver", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--scrambles", type=int, default=1000, help="scrambles of each row")
    parser.add_argument("--budgets", type=int, nargs="+", default=[BUDGET], help="nodes")
    parser.add_argument("--library", choices=("true", "false"), default="true", help="its row too")
    parser.add_argument("--seed", type=seed_of, default=0, help="seed of the first scramble")
    args = parser.parse_args(argv)
    for flag, values in (("--scrambles", [args.scrambles]), ("--budgets", args.budgets)):
        for value in values:
            check_count(flag, value)
    for line in rows(planners(args.budgets, args.library == "true"), args.scrambles, args.seed):
        print(line, flush=True)
    load = ", ".join(f"{x:.1f}" for x in os.getloadavg())
    print(f"\n{args.scrambles} scrambles each from seed {args.seed}, load average {load}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
