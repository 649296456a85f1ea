"""The table of docs/vision.md: `python -m sleight.vision.table` writes it."""

import sys

from ..envs.table import markdown
from .parameters import GROUPS

if __name__ == "__main__":
    sys.stdout.write(markdown(GROUPS))
