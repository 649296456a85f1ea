"""Text on pictures: a line at the bottom, a label at a point, a message at the top."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont

Colour = tuple[int, int, int]

INK: Colour = (38, 44, 52)
QUIET: Colour = (110, 118, 128)
GOOD: Colour = (30, 132, 73)
BAD: Colour = (190, 50, 43)
_PAPER: Colour = (255, 255, 255)


@dataclass(frozen=True)
class Flash:
    """A message in a coloured box at the top."""

    text: str
    colour: Colour


@dataclass(frozen=True)
class Words:
    """The texts on one picture."""

    line: tuple[str, ...] = ()
    """Fields of the bottom line, spread over its width."""
    labels: tuple[tuple[str, float, float], ...] = field(default=())
    """(text, column, row): each text is centred below its point [pixels]."""
    flash: Flash | None = None


def write(picture: np.ndarray, words: Words) -> np.ndarray:
    """A copy of `picture`, uint8 (H, W, 3), with the texts on it."""
    image = Image.fromarray(picture)
    draw = ImageDraw.Draw(image)
    size = max(11, round(picture.shape[0] / 24))
    font = _font(size)
    for text, column, row in words.labels:
        draw.text((column, row), text, font=font, fill=QUIET, anchor="mt")
    if words.line:
        _line(draw, words.line, font, size, image.size)
    if words.flash is not None:
        _flash(draw, words.flash, font, size)
    return np.asarray(image)


def _line(
    draw: ImageDraw.ImageDraw,
    fields: tuple[str, ...],
    font: ImageFont.FreeTypeFont,
    size: int,
    shape: tuple[int, int],
) -> None:
    width, height = shape
    top = height - 2 * size
    draw.rectangle((0, top, width, height), fill=_PAPER)
    for index, text in enumerate(fields):
        column = size + index * (width - size) / len(fields)
        draw.text((column, top + size), text, font=font, fill=INK, anchor="lm")


def _flash(
    draw: ImageDraw.ImageDraw, flash: Flash, font: ImageFont.FreeTypeFont, size: int
) -> None:
    left, top = 0.7 * size, 0.7 * size
    box = (left, top, left + draw.textlength(flash.text, font) + 1.4 * size, top + 2 * size)
    draw.rounded_rectangle(box, radius=0.5 * size, fill=flash.colour)
    draw.text((left + 0.7 * size, top + size), flash.text, font=font, fill=_PAPER, anchor="lm")


@lru_cache
def _font(size: int) -> ImageFont.FreeTypeFont:
    """Pillow's own font: the same on every machine."""
    font = ImageFont.load_default(size)
    assert isinstance(font, ImageFont.FreeTypeFont)
    return font
