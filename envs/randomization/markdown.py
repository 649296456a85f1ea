"""Prints the table of parameters for docs/randomization.md; run it with `python -m`."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence

from .parameter import Parameter
from .table import GROUPS

HEAD = (
    "| parameter | what | law | nominal | limits | unit | source |\n|---|---|---|---|---|---|---|\n"
)


def markdown(groups: Mapping[str, Sequence[Parameter]] = GROUPS) -> str:
    """One Markdown table for each group of parameters."""
    return "\n".join(
        f"### {title}\n\n{HEAD}" + "".join(map(_line, rows)) for title, rows in groups.items()
    )


def _line(row: Parameter) -> str:
    law = f"{row.law}, w {row.weight:g}" + (", one-sided" if row.one_sided else "")
    low, high = (f"{limit:.3g}" for limit in row.limits)
    what = row.what.replace("|", "\\|") + (f"; needs `{row.needs}`" if row.needs else "")
    cells = (f"`{row.name}`", what, law, f"{row.nominal:g}", f"{low} to {high}", row.unit,
             row.source)  # fmt: skip
    return f"| {' | '.join(cells)} |\n"


if __name__ == "__main__":
    sys.stdout.write(markdown())
