"""Contact sheets: many samples in one PNG file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from ...files import atomic_path


def write_sheet(images: np.ndarray, path: Path, columns: int = 4, gap_px: int = 4) -> Path:
    """Write `images` (n, V, H, W, 3) uint8 atomically: V views side by side, samples in rows."""
    count, views, height, width, _ = images.shape
    strips = images.transpose(0, 2, 1, 3, 4).reshape(count, height, views * width, 3)
    rows = -(-count // columns)
    sheet = np.full((rows * (height + gap_px), columns * (views * width + gap_px), 3), 255, "u1")
    for index, strip in enumerate(strips):
        top, left = (
            (index // columns) * (height + gap_px),
            (index % columns) * (views * width + gap_px),
        )
        sheet[top : top + height, left : left + views * width] = strip
    with atomic_path(path) as temporary:
        Image.fromarray(sheet).save(temporary)
    return path
