"""Prints the table of docs/vision.md: `python -m sleight.vision.renders.range_table`."""

import sys

from ...envs.randomization.markdown import markdown
from .render_parameters import GROUPS

if __name__ == "__main__":
    sys.stdout.write(markdown(GROUPS))
