"""Ten seconds of measuring, in a process of its own: worlds, threads, and steps per second.

    python -m sleight.doctor.measure

Writes one line of JSON for each result, as soon as it is there. Start states are few and batches
short, which changes the time to begin, but hardly the time per control step.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Literal

import torch

from ..envs.config import EnvConfig
from ..envs.make import make_env
from ..machine import usable_cores
from ..train.rollout.in_process import build
from .recipes import Recipe, recipes

SIMULATION_S = 0.35
"""Of measuring for each number of worlds and threads."""
ENOUGH = 0.95
"""More worlds are worth their memory only if they are faster than this share of the best."""
MOST_WORLDS = 4096
TRAIN_WORLDS = 128
"""Most worlds of a recipe; a batch of half as many is slower per control step by a quarter."""
Memory = Literal["lstm", "none"]
BASE = "block.yaml"
"""The recipe by which training at the default sizes is measured."""


def simulation() -> dict[str, Any]:
    """The threads, then the worlds, that give the most control steps per second on `block`."""
    cores = usable_cores()
    by_threads = {n: _rate(128, n) for n in sorted({1, (cores + 1) // 2, cores})}
    threads = _least(by_threads)
    by_worlds: dict[int, float] = {128: by_threads[threads]}
    worlds = 64
    while worlds <= MOST_WORLDS:
        if worlds not in by_worlds:
            by_worlds[worlds] = _rate(worlds, threads)
        if worlds >= 256 and by_worlds[worlds] * ENOUGH < by_worlds[worlds // 2]:
            break
        worlds *= 2
    best = _least(by_worlds)
    return {
        "threads": threads,
        "worlds": best,
        "steps_per_s": by_worlds[best],
        "by_threads": by_threads,
        "by_worlds": by_worlds,
    }


def _least(rates: dict[int, float]) -> int:
    """The smallest number that is about as fast as the best."""
    return min(n for n, rate in rates.items() if rate >= ENOUGH * max(rates.values()))


def _rate(worlds: int, threads: int) -> float:
    """Control steps per second of the environment, summed over its worlds."""
    config = EnvConfig(num_worlds=worlds, threads=threads)
    env = make_env(replace(config, resets=replace(config.resets, cache=64)))
    env.reset(seed=0)
    shape = (worlds, int(env.action_space.sample().shape[-1]))
    env.step(torch.zeros(shape))
    steps, start_s = 0, time.perf_counter()
    while (spent_s := time.perf_counter() - start_s) < SIMULATION_S:
        env.step(2.0 * torch.rand(shape) - 1.0)
        steps += worlds
    return steps / spent_s


def training(recipe: Recipe, threads: int, memory: Memory, warm_up: bool) -> float:
    """Control steps per second of training by this recipe, without its video and its report.

    warm_up: one iteration is not counted; the first in a process also loads libraries.
    """
    config = recipe.config
    worlds = min(TRAIN_WORLDS, config.env.num_worlds)
    resets = replace(config.env.resets, cache=64)
    run = build(
        replace(
            config,
            env=replace(config.env, num_worlds=worlds, threads=threads, resets=resets),
            rollout=replace(config.rollout, horizon=config.rollout.bptt_steps),
            policy=replace(config.policy, memory=memory),
        )
    )
    if warm_up:
        run.iterate()
    before, start_s = run.steps, time.perf_counter()
    run.iterate()
    return (run.steps - before) / (time.perf_counter() - start_s)


def results() -> Iterator[dict[str, Any]]:
    """The recipes, the simulation, training with the LSTM and without, then the other kinds."""
    shipped = recipes()
    kinds = list(dict.fromkeys(recipe.kind for recipe in shipped))
    yield {
        "recipes": [
            {"name": r.name, "steps": r.steps, "kind": kinds.index(r.kind),
             "memory": r.config.policy.memory}
            for r in shipped
        ]
    }  # fmt: skip
    simulated = simulation()
    yield {"simulation": simulated}
    if not shipped:
        return
    threads = int(simulated["threads"])
    base = next((r for r in shipped if r.name == BASE), shipped[0])
    jobs: list[tuple[Recipe, Memory]] = [(base, "lstm"), (base, "none"), *_others(shipped, base)]
    for number, (recipe, memory) in enumerate(jobs):
        rate = training(recipe, threads, memory, warm_up=number == 0)
        yield {"kind": kinds.index(recipe.kind), "memory": memory, "steps_per_s": rate}


def _others(shipped: list[Recipe], base: Recipe) -> list[tuple[Recipe, Memory]]:
    """One recipe of each kind that is not measured yet."""
    first = {recipe.kind: recipe for recipe in reversed(shipped)}
    return [(r, r.config.policy.memory) for kind, r in first.items() if kind != base.kind]


if __name__ == "__main__":
    for result in results():
        sys.stdout.write(json.dumps(result) + "\n")
        sys.stdout.flush()
