"""A comparison of a result with an older one of the same set, as it is kept and shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from ...config import Range
from ..rollout.evaluation import with_error
from .validation_set import Count

Mean = Annotated[float, Range(0, 1e6)]
Verdict = Literal[
    "regression", "failed within chance", "fixed", "passed", "failed as before"
]  # fmt: skip


@dataclass(frozen=True)
class Change:
    """One case, before and after."""

    name: str
    before: Mean
    after: Mean
    """Mean successes."""
    p: Annotated[float | None, Range(0, 1)]
    """That the new policy is no worse, adjusted; None: the old one failed the case already."""
    verdict: Verdict


@dataclass(frozen=True)
class Against:
    """The older result, and what changed."""

    player: str
    law: str
    """Its action law."""
    passed: Count
    mean: Mean
    standard_error: Annotated[float | None, Range(0, 1e6)]
    changes: tuple[Change, ...]

    @property
    def regressions(self) -> list[str]:
        """Names of the cases that the old policy passed and the new one fails, beyond chance."""
        return [change.name for change in self.changes if change.verdict == "regression"]

    def lines(self, law: str) -> list[str]:
        """As text: what changed, then the verdict. law: the action law of the new policy."""
        total = with_error(self.mean, self.standard_error)
        names = ", ".join(self.regressions)
        return [
            f"  against {self.player}: passed {self.passed}, mean {total}",
            *([f"    its action law is {self.law}, not {law}"] if law != self.law else []),
            *(
                f"    {c.name}: {c.before:.2f}, now {c.after:.2f}, {c.verdict}"
                + ("" if c.p is None else f", p {c.p:.2g}")
                for c in self.changes
                if c.verdict not in ("passed", "failed as before")
            ),
            f"  regression: {names}" if names else "  no regression",
        ]
