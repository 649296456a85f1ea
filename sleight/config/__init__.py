"""Typed configs: frozen dataclasses, filled from YAML and flags, with strict checks.

A field is declared once: the annotation holds its limits, the string below it its help text:

    @dataclass(frozen=True)
    class Train:
        learning_rate: Annotated[float, Range(0, 1)] = 3e-4
        \"\"\"Learning rate of the actor.\"\"\"

Fields may be bool, int, float, str, Path, Literal, tuple[T, ...], fixed tuples, dict[str, T], other
dataclasses, and unions of these with None or with each other. A float takes an int; nan and inf
are refused unless `Range(finite=False)`. `base: other.yaml` at the top of a file inherits from that
file; the path is relative to the file. The layers (base, file, flags) are merged field by field. A
dict in a file replaces the default dict, a flag changes one entry of it, and null removes an entry.
A dataclass rejects inconsistent fields by a ValueError (or ConfigError) in `__post_init__`.
"""

from ..errors import nearest
from .blocks import Extensible, block_name
from .layers import field_names, from_dict, load, save, to_dict
from .page import help_text
from .values import Range

__all__ = [
    "Extensible",
    "Range",
    "block_name",
    "field_names",
    "from_dict",
    "help_text",
    "load",
    "nearest",
    "save",
    "to_dict",
]
