"""Typed configs: frozen dataclasses, filled from YAML and flags, with strict checks.

A field is declared once: the annotation holds its limits, the string below it its help text:

    @dataclass(frozen=True)
    class Train:
        learning_rate: Annotated[float, Range(0, 1)] = 3e-4
        \"\"\"Learning rate of the actor.\"\"\"

Fields may be bool, int, float, str, Path, Literal, tuple[T, ...], fixed tuples, dict[str, T], other
dataclasses, and unions of these with None or with each other. A float takes an int; nan and inf
are refused unless `Range(finite=False)`. `base: other.yaml`, or a list of files, at the top of a
file inherits from its neighbours. A config may have `stages`, each laid over the rest of it.
Layers (bases, file, flags) are laid over each other field by field and entry by entry; a dict that
a file gives replaces the default dict, a flag changes one entry of it, and null takes an entry out.
A field that was renamed is refused with its new name (`renames`). Fields that disagree are refused
by a ValueError (or ConfigError) in `__post_init__`.
"""

from ..errors import nearest
from .blocks import Extensible, block_name
from .layers import field_names, from_dict, load, save, to_dict
from .page import help_text
from .renames import check_renamed
from .stages import Staged
from .values import Range

__all__ = [
    "Extensible",
    "Range",
    "Staged",
    "block_name",
    "check_renamed",
    "field_names",
    "from_dict",
    "help_text",
    "load",
    "nearest",
    "save",
    "to_dict",
]
