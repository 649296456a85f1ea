"""The ranges of randomization parameters from which an analysis draws worlds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ...adr.state import entropy_of
from ...envs.randomization.table import BY_NAME, lookup
from ...errors import ConfigError
from ..rollout.adr_source import dimensions
from ..rollout.players import Player

Ranges = dict[str, tuple[float, float]]


def wanted_ranges(
    player: Player, trained: bool, words: Iterable[str], fixed: Mapping[str, float] | None = None
) -> Ranges:
    """The ranges of `--trained`, overridden by each `--range`; may be empty.

    A curriculum parameter is part of the task and is drawn only when `--range` names it. Raises
    ConfigError for a parameter that `--set` fixes, and for `--trained` without training ranges.
    """
    fixed = fixed or {}
    wide = {name: ends for name, ends in _trained(player).items() if name not in fixed}
    if trained and not _trained(player):
        raise ConfigError(
            f"--trained: {player.name}: got a policy that was trained in one world, allowed:"
            " --range NAME=LOW,HIGH"
        )
    named = dict(_range(word) for word in words)
    if repeated := sorted({*named} & {*fixed}):
        raise ConfigError(f"--range {repeated[0]}: got it in --set too, allowed: one of them")
    return {**(wide if trained else {}), **named}


def study_ranges(
    players: Sequence[Player], words: Iterable[str], fixed: Mapping[str, float] | None = None
) -> Ranges:
    """Ranges of worlds in which players are compared: for each parameter the hull of the players'
    training ranges, or its `--range`. Raises ConfigError for a parameter that `--set` fixes."""
    hull: Ranges = {}
    for player in players:
        for name, (low, high) in wanted_ranges(player, bool(_trained(player)), (), fixed).items():
            previous = hull.get(name, (low, high))
            hull[name] = min(low, previous[0]), max(high, previous[1])
    return hull | wanted_ranges(players[0], False, words, fixed)


def _trained(player: Player) -> Ranges:
    """The parameters that varied in training, with their ranges, without curriculum parameters."""
    own = {n: ends for n, ends in player.ranges.items() if not lookup(n, player.name).curriculum}
    return {name: ends for name, ends in own.items() if ends[0] < ends[1]}


def _range(word: str) -> tuple[str, tuple[float, float]]:
    name, _, text = word.partition("=")
    row = lookup(name, "--range")
    try:
        low, high = map(float, text.split(","))
    except ValueError:
        allowed = "NAME=LOW,HIGH, two numbers"
        raise ConfigError(f"--range {name}: got '{text}', allowed: {allowed}") from None
    if not low < high:
        raise ConfigError(f"--range {name}: got {low:g} to {high:g}, allowed: low < high")
    for value in (low, high):
        row.coordinate(value, "--range")
    return name, (low, high)


def entropy(player: Player) -> float | None:
    """ADR entropy of a player's training ranges [nats per dimension]; None without ADR."""
    table = [d for d in dimensions(player.config) if d.name in player.ranges]
    if not any(dimension.counts for dimension in table):
        return None
    ends = [[BY_NAME[d.name].coordinate(v) for v in player.ranges[d.name]] for d in table]
    low, high = zip(*ends, strict=True)
    return entropy_of(table, low, high, player.config.adr.entropy_floor)
