"""One update of ADR: from the reports of an iteration to the next state."""

from dataclasses import dataclass

from .adr_config import AdrConfig
from .reports import record
from .state import AdrState
from .updates import update


@dataclass(frozen=True)
class Reports:
    """The reports of k finished episodes; each field has k entries. See `record` in reports.py."""

    boundary: tuple[int, ...]
    version: tuple[int, ...]
    performance: tuple[float, ...]
    episode: tuple[int, ...] | None
    """Ids, unique in the run; None if each episode is reported exactly once."""
    step: int
    """Environment steps so far."""


def decide(state: AdrState, config: AdrConfig, reports: Reports) -> AdrState:
    """`record`, then `update`; deterministic."""
    after = record(
        state,
        config,
        reports.boundary,
        reports.version,
        reports.performance,
        reports.episode,
    )
    return update(after, config, reports.step)[0]
