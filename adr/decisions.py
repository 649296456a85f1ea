"""One turn of ADR: the reports of an iteration in, the state after its decisions out."""

from dataclasses import dataclass

from .reports import record
from .state import AdrState
from .table import AdrConfig
from .updates import update


@dataclass(frozen=True)
class Reports:
    """k finished episodes; one entry of each column for each. See `reports.record`."""

    boundary: tuple[int, ...]
    version: tuple[int, ...]
    performance: tuple[float, ...]
    episode: tuple[int, ...] | None
    """Ids, unique in the run; None where each is surely reported once."""
    step: int
    """Environment steps so far."""


def decide(state: AdrState, config: AdrConfig, reports: Reports) -> AdrState:
    """`record`, then `update`; with the same arguments always the same state."""
    after = record(
        state,
        config,
        reports.boundary,
        reports.version,
        reports.performance,
        reports.episode,
    )
    return update(after, config, reports.step)[0]
