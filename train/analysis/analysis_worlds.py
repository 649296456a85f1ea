"""Which worlds an analysis draws."""

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
    """The ranges of `--trained` and of each `--range`, which wins; empty when neither is given.

    A curriculum is part of the task and is drawn from only when it is named. Raises ConfigError for
    a parameter that is also held, and for `--trained` where nothing varied in training.
    """
    fixed = fixed or {}
    wide = {name: ends for name, ends in _trained(player).items() if name not in fixed}
    if trained and not _trained(player):
        raise ConfigError(
            f"--trained: {player.name}: got a policy that was trained in one world, allowed:"
            " --range NAME=LOW,HIGH"
        )
    named = dict(_range(word) for word in words)
    if twice := sorted({*named} & {*fixed}):
        raise ConfigError(f"--range {twice[0]}: got it in --set too, allowed: one of them")
    return {**(wide if trained else {}), **named}


def study_ranges(
    players: Sequence[Player], words: Iterable[str], fixed: Mapping[str, float] | None = None
) -> Ranges:
    """Worlds in which players are compared: per parameter the hull of what any was trained on, and
    each `--range` instead. Raises ConfigError for a parameter that is also held."""
    hull: Ranges = {}
    for player in players:
        for name, (low, high) in wanted_ranges(player, bool(_trained(player)), (), fixed).items():
            before = hull.get(name, (low, high))
            hull[name] = min(low, before[0]), max(high, before[1])
    return hull | wanted_ranges(players[0], False, words, fixed)


def _trained(player: Player) -> Ranges:
    """What differed between the worlds of training, a curriculum apart."""
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
    """ADR's entropy of what a player was trained on [nats per dimension]; None without ADR."""
    table = [d for d in dimensions(player.config) if d.name in player.ranges]
    if not any(dimension.counts for dimension in table):
        return None
    ends = [[BY_NAME[d.name].coordinate(v) for v in player.ranges[d.name]] for d in table]
    low, high = zip(*ends, strict=True)
    return entropy_of(table, low, high, player.config.adr.entropy_floor)
