"""The file of states that renders begin from."""

from pathlib import Path

import numpy as np
import pytest

from sleight.envs.hands.shadow import SHADOW_RIGHT
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


@pytest.mark.parametrize(
    ("column", "value", "got"),
    [(0, 1e300, r"values up to 1e\+300"), (-1, 3.0, "no unit quaternions")],
)
def test_numbers_that_are_no_state_are_refused(
    column: int, value: float, got: str, tmp_path: Path
) -> None:
    states = np.zeros((2, len(SHADOW_RIGHT.joints) + 7))
    states[:, -4] = 1.0
    np.save(tmp_path / "states.npy", states)
    assert read_states(tmp_path / "states.npy").shape == states.shape
    states[1, column] = value
    np.save(tmp_path / "states.npy", states)
    with pytest.raises(DataError, match=got):
        read_states(tmp_path / "states.npy")
