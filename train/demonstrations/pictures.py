"""Pictures of demonstrations as JPEG files, by Pillow."""

from __future__ import annotations

import io
from collections.abc import Mapping

import numpy as np
from PIL import Image, UnidentifiedImageError

from ...errors import DataError
from .manifest import PicturesEntry

QUALITY = 90
"""Of JPEG, in Pillow's scale."""


def encoded(picture: np.ndarray) -> bytes:
    """uint8 (H, W, 3) RGB -> JPEG."""
    out = io.BytesIO()
    Image.fromarray(picture).save(out, "JPEG", quality=QUALITY)
    return out.getvalue()


def decoded(jpeg: bytes | memoryview, source: str = "picture") -> np.ndarray:
    """JPEG -> uint8 (H, W, 3) RGB. Raises DataError."""
    try:
        with Image.open(io.BytesIO(jpeg)) as picture:
            return np.asarray(picture.convert("RGB"))
    except (UnidentifiedImageError, OSError, SyntaxError) as error:
        raise DataError(f"{source}: not a JPEG file: {error}") from error


def as_jpeg(data: bytes | None, px: int, source: str) -> bytes:
    """A picture file of any format as JPEG; a JPEG file stays as it is.

    Raises DataError for one that is damaged, or not `px` wide and high.
    """
    try:
        with Image.open(io.BytesIO(data or b"")) as picture:
            size, kind = picture.size, picture.format
    except (UnidentifiedImageError, OSError) as error:
        raise DataError(f"{source}: got a picture that cannot be read: {error}") from error
    if size != (px, px):
        got = f"a picture of {size[0]} x {size[1]} pixels"
        raise DataError(f"{source}: got {got}, allowed: {px} x {px}")
    assert data is not None
    return data if kind == "JPEG" else encoded(decoded(data, source))


def check_pictures(path: str, entry: PicturesEntry, arrays: Mapping[str, np.ndarray]) -> None:
    """Raise DataError unless every picture is a JPEG file of the size of the manifest.

    Only their headers are read, so that opening a data set does not decode it.
    """
    ends = arrays["picture_end"]
    begins = np.concatenate(([0], ends[:-1]))
    if (ends <= begins).any():
        raise DataError(f"{path}: picture_end: got numbers that do not rise")
    data = memoryview(arrays["pictures"].tobytes())
    for index, (begin, end) in enumerate(zip(begins.tolist(), ends.tolist(), strict=True)):
        try:
            with Image.open(io.BytesIO(data[begin:end])) as picture:
                size, kind = picture.size, picture.format
        except (UnidentifiedImageError, OSError) as error:
            raise DataError(f"{path}: picture {index}: not a JPEG file") from error
        if size != (entry.px, entry.px) or kind != "JPEG":
            raise DataError(
                f"{path}: picture {index}: got {kind} of {size[0]} x {size[1]} pixels,"
                f" allowed: JPEG of {entry.px} x {entry.px}"
            )
