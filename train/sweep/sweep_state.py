"""The state of a sweep: its journal, applied line by line."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass, field

from ...errors import DataError
from .config import SweepConfig
from .journal import Event
from .space import Setting, Space
from .study import Study


@dataclass
class End:
    """How a run ended."""

    state: str
    """complete, pruned, failed"""
    value: float | None
    steps: int
    remark: str = ""


@dataclass
class Tried:
    """One setting, and its runs by number of the seed."""

    index: int
    values: Setting
    """Current values; a population changes them."""
    first: Setting = field(default_factory=dict)
    """Values as they were drawn."""
    ends: dict[int, End] = field(default_factory=dict)
    rungs: dict[int, float | None] = field(default_factory=dict)
    """Control steps of a rung -> score."""
    told: bool = False
    condemned: bool = False
    """ASHA stopped the setting at a rung."""

    def values_of_runs(self) -> list[float]:
        """Scores of the complete runs."""
        ends = [self.ends[seed] for seed in sorted(self.ends)]
        return [e.value for e in ends if e.state == "complete" and e.value is not None]

    def mean(self) -> float | None:
        """Mean score of the complete runs."""
        values = self.values_of_runs()
        return statistics.fmean(values) if values else None


class State:
    """Settings, ends and generations so far. Raises DataError for a journal of another sweep."""

    def __init__(self, config: SweepConfig, space: Space, where: str) -> None:
        self.config, self.space, self.where = config, space, where
        self.study = Study(config, space)
        self.settings: list[Tried] = []
        self.generations: list[Event] = []
        self.moved = 0
        """Generations after their exchange of checkpoints."""

    def apply(self, event: Event, fresh: bool = False) -> None:
        """Apply one line of the journal; fresh: a setting that the study has just drawn."""
        kind = event["event"]
        if kind == "setting":
            self._add(event, fresh)
        elif kind == "generation":
            self._generation(event)
        elif kind == "moved":
            self.moved = event["generation"] + 1
        else:
            tried = self._setting(event)
            if kind == "rung":
                self._compare(tried, event["steps"], event["value"])
            else:
                end = End(event["state"], event["value"], event["steps"], event["remark"])
                tried.ends[event["seed"]] = end
                self._tell(tried)

    def _compare(self, tried: Tried, steps: int, value: float | None) -> None:
        tried.rungs[steps] = value
        if value is not None:
            tried.condemned = not self.study.goes_on(tried.index, steps, value)

    def _add(self, event: Event, fresh: bool) -> None:
        names = {dimension.name for dimension in self.space.dimensions}
        index, values = event["setting"], event["values"]
        if index != len(self.settings) or set(values) != names:
            raise DataError(f"{self.where}: setting {index}: got another sweep's, allowed: its own")
        for dimension in self.space.dimensions:
            if not dimension.allows(values[dimension.name]):
                got = values[dimension.name]
                raise DataError(f"{self.where}: setting {index}: {dimension.name}: got {got}")
        if not fresh:
            self.study.take(values)
        self.settings.append(Tried(index, values, dict(values)))

    def _setting(self, event: Event) -> Tried:
        if event["setting"] >= len(self.settings):
            raise DataError(f"{self.where}: setting: got {event['setting']}, which was not drawn")
        return self.settings[event["setting"]]

    def _generation(self, event: Event) -> None:
        members = [move[key] for move in event["moves"] for key in ("member", "donor")]
        if event["generation"] != len(self.generations) or any(
            member >= len(self.settings) for member in members
        ):
            raise DataError(f"{self.where}: generation: got {event['generation']}, not the next")
        self.generations.append(event)
        for move in event["moves"]:
            self.settings[move["member"]].values = dict(move["values"])

    def _tell(self, tried: Tried) -> None:
        """Report a setting to the study when all its runs have ended."""
        ends = tried.ends.values()
        pruned = any(end.state == "pruned" for end in ends)
        if tried.told or (len(tried.ends) < self.config.seeds and not self.given_up(tried)):
            return
        tried.told = True
        mean = tried.mean()
        self.study.tell(tried.index, mean if mean is None or math.isfinite(mean) else None, pruned)

    def given_up(self, tried: Tried) -> bool:
        """Whether other runs of a setting are skipped: its first was stopped or failed."""
        first = tried.ends.get(0)
        return first is not None and first.state != "complete"

    def noise(self) -> tuple[float, int] | None:
        """Standard deviation between seeds of one setting, pooled, and its degrees of freedom."""
        groups = [tried.values_of_runs() for tried in self.settings]
        groups = [group for group in groups if len(group) > 1]
        freedom = sum(len(group) - 1 for group in groups)
        if not freedom:
            return None
        squares = sum((len(group) - 1) * statistics.variance(group) for group in groups)
        return math.sqrt(squares / freedom), freedom
