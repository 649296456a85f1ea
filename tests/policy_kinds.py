"""The wirings and heads that a policy may have, for the tests of more than one folder."""

from itertools import product

from sleight.policies.config import PolicyConfig

KINDS = list(product(("lstm", "residual", "none"), ("bins", "gaussian")))
"""(wiring, head)"""


def config_of(wiring: str, head: str, hidden: int, embed: int) -> PolicyConfig:
    """Of one kind; a residual one embeds into as many numbers as its memory holds."""
    residual = wiring == "residual"
    return PolicyConfig(
        memory="none" if wiring == "none" else "lstm",
        head=head,  # type: ignore[arg-type]  # parametrized
        embedding_size=hidden if residual else embed,
        hidden_size=hidden,
        residual=residual,
    )
