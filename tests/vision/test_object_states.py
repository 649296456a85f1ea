"""The file of states that renders begin from."""

from pathlib import Path

import numpy as np
import pytest

from sleight.errors import DataError
from sleight.vision.renders.object_states import read_states


def _header(text: bytes) -> bytes:
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text


@pytest.mark.parametrize(
    "content",
    [b"", b"\x93NUMPY", b"x" * 300, _header(b"{"), _header(b"\0" * 64), _header(b"(" * 200),
     _header(b"{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999999,)}\n")],
)  # fmt: skip
def test_what_is_no_array_is_refused_in_one_line(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "states.npy"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"states\.npy: not an array of states"):
        read_states(path)


def test_an_array_of_objects_is_not_unpickled(tmp_path: Path) -> None:
    path = tmp_path / "states.npy"
    np.save(path, np.array([{"a": 1}], dtype=object))
    with pytest.raises(DataError, match="not an array of states"):
        read_states(path)
