"""Shards: the same pixels from any number of processes, resumed, refused, replaced."""

import dataclasses

import numpy as np
import pytest

from sleight.cli import main
from sleight.errors import ConfigError, DataError, SleightError
from sleight.vision.renders.contact_sheet import write_sheet
from sleight.vision.renders.render_job import render
from sleight.vision.renders.shards import INDEX, open_renders, shard_path
from tests.vision.conftest import SMALL, prepare


def test_renders_hold_what_they_say(renders):
    assert renders.sizes == (6, 4) and renders.count == 10
    first, second = renders.shards()
    assert first["images"].shape == (6, 3, 32, 32, 3) and first["images"].dtype == np.uint8
    assert (np.linalg.norm(first["wxyz"], axis=1) - 1 < 1e-6).all() and (
        first["wxyz"][:, 0] >= 0
    ).all()
    assert np.isfinite(second["drawn"]).all()
    flat = np.concatenate([first["images"], second["images"]]).reshape(10, -1).astype(float)
    # No two samples alike: every one has its own random numbers.
    apart = np.abs(flat[:, None] - flat[None]).mean(axis=-1) + 100 * np.eye(10)
    assert apart.min() > 5.0


def test_a_lost_shard_is_made_again_bit_for_bit(renders, tmp_path):
    folder = prepare(tmp_path / "again")
    render(dataclasses.replace(SMALL, workers=2), 10, folder)
    before = [shard_path(folder, i).read_bytes() for i in range(2)]
    assert before == [shard_path(renders.folder, i).read_bytes() for i in range(2)]
    shard_path(folder, 1).write_bytes(before[1][:500])
    assert open_renders(folder).sizes == (6, 4)
    with pytest.raises(DataError, match="shard-00001"):
        open_renders(folder).shard(1)
    render(SMALL, 10, folder)
    assert shard_path(folder, 1).read_bytes() == before[1]


def test_a_folder_of_another_config_is_refused(renders):
    other = dataclasses.replace(SMALL, seed=1)
    with pytest.raises(ConfigError, match="another config"):
        render(other, 10, renders.folder)
    assert (renders.folder / INDEX).is_file()


def test_processes_that_die_again_and_again_end_the_job(can_render, tmp_path):
    config = dataclasses.replace(SMALL, shard_timeout_s=0.01, restarts=1)
    with pytest.raises(SleightError, match="was too slow; 2 processes died, allowed: 1"):
        render(config, 4, prepare(tmp_path, config))
    assert not (tmp_path / INDEX).exists()


@pytest.mark.parametrize(
    ("text", "line"),
    [("{", "truncated JSON"), ("[]", "format: got list"), ('{"format": 2}', "sizes: got None")],
)
def test_a_damaged_index_is_one_line(tmp_path, text, line):
    (tmp_path / INDEX).write_text(text)
    with pytest.raises(DataError, match=line):
        open_renders(tmp_path)


def test_a_sheet_shows_every_view(renders, tmp_path):
    from PIL import Image

    images = renders.shard(0)["images"]
    path = write_sheet(images, tmp_path / "sheet.png", columns=2, gap_px=4)
    sheet = np.asarray(Image.open(path))
    assert sheet.shape == (3 * 36, 2 * 100, 3)
    np.testing.assert_array_equal(sheet[36:68, 100 + 32 : 100 + 64], images[3, 1])


@pytest.mark.parametrize(("address", "code"), [("127.0.0.1:1", 3), ("nonsense", 2)])
def test_an_address_without_a_cluster_is_one_line(tmp_path, capsys, address, code):
    words = ["vision", "render", "--count", "2", "--out", str(tmp_path / "out")]
    assert main([*words, "--ray.address", address, "--ray.wait_s", "2"]) == code
    error = capsys.readouterr().err
    assert error.startswith(f"error: --ray.address: got {address}") and error.count("\n") == 1
    assert not (tmp_path / "out").exists()
