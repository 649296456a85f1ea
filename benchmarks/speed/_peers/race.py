"""All peers take turns in one run; rates, and ratios within a round."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sleight.errors import SleightError

from .table import Peer
from .worker_process import Turn, Worker


@dataclass
class Result:
    """What a peer did, a number per round."""

    title: str
    about: dict[str, Any]
    turns: list[Turn] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)
    """In the unit of the race, per second of its clock."""
    ratios: list[float] = field(default_factory=list)
    """Rate of the first peer in the same round, or in its last one, as a multiple of this one's."""


@contextmanager
def started(
    peers: Mapping[str, Peer], start: Callable[[Peer], Worker]
) -> Iterator[dict[str, Worker]]:
    """Start the peers; one that does not start is said in one line, with the reason.

    Raises SleightError if the first, with which others are compared, does not start.
    """
    workers: dict[str, Worker] = {}
    try:
        for name, peer in peers.items():
            print(f"starting {peer.title}", file=sys.stderr, flush=True)
            try:
                workers[name] = start(peer)
            except SleightError as error:
                if not workers:
                    raise
                print(f"left out: {error}", flush=True)
        yield workers
    finally:
        for worker in workers.values():
            worker.close()


def run_rounds(
    peers: Mapping[str, Peer],
    workers: dict[str, Worker],
    turn: Callable[[Worker], Turn],
    rate: Callable[[Turn, Worker], float],
    ended: Callable[[Result], bool],
) -> dict[str, Result]:
    """Turns of all until each has `ended`; a peer that dies is said and left out of the rest."""
    results = {name: Result(peers[name].title, worker.about) for name, worker in workers.items()}
    racing, first = dict(workers), results[next(iter(results))]
    while racing:
        for name, worker in list(racing.items()):
            result = results[name]
            try:
                result.turns.append(turn(worker))
            except SleightError as error:
                print(f"left out: {error}", flush=True)
                del racing[name]
                continue
            result.rates.append(rate(result.turns[-1], worker))
            result.ratios.append(first.rates[-1] / result.rates[-1])
            done = f"turn {len(result.turns)}, {result.rates[-1]:,.1f} per second"
            print(f"{result.title}: {done}", file=sys.stderr, flush=True)
            if ended(result):
                del racing[name]
    return {name: result for name, result in results.items() if result.rates}


def table(results: Mapping[str, Result], unit: str, first: str) -> str:
    """Medians over rounds, and how many times as fast the first peer is (lowest, highest)."""
    width = max(len(result.title) for result in results.values())
    lines = [f"{'':<{width}} {unit:>10} {'memory MB':>10} {first:>12}  (lowest, highest)"]
    for result in results.values():
        lines.append(
            f"{result.title:<{width}} {statistics.median(result.rates):>10,.1f}"
            f" {result.turns[-1].memory_mb:>10,.0f} {statistics.median(result.ratios):>12.2f}"
            f"  ({min(result.ratios):.2f}, {max(result.ratios):.2f})"
        )
    return "\n".join(lines)
