"""Commands of the docs work in any folder: configs and policies that the package brings along."""

from pathlib import Path

import pytest

from sleight.cli import main
from sleight.config import load
from sleight.contract.bundle import load_bundle
from sleight.deploy.rig_file import load_rig
from sleight.errors import BundleError, ConfigError
from sleight.shipped import shipped
from sleight.train.config import TrainConfig


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_policy_is_evaluated_by_the_name_of_the_docs(capsys: pytest.CaptureFixture[str]) -> None:
    for player in ("pretrained/block", "pretrained/block/checkpoint"):
        words = ["--trials", "2", "--goals.max_successes", "1", "--goals.timeout_s", "0.4"]
        assert main(["eval", player, *words]) == 0
        assert capsys.readouterr().out.startswith(f"{player}\n")


def test_a_config_is_the_packages_unless_the_folder_has_its_own(elsewhere: Path) -> None:
    assert load(TrainConfig, "configs/block_near.yaml").env.num_worlds == 256
    (elsewhere / "configs").mkdir()
    (elsewhere / "configs" / "block_near.yaml").write_text("env: {num_worlds: 7}\n")
    assert load(TrainConfig, "configs/block_near.yaml").env.num_worlds == 7


def test_a_rig_file_is_the_packages_and_so_is_its_bundle() -> None:
    config = load_rig(["configs/rig_sim.yaml"])
    assert load_bundle(config.policy.bundle).manifest.task.name == "block"


def test_what_nobody_has_keeps_its_name_in_the_error() -> None:
    with pytest.raises(ConfigError, match="^configs/no.yaml: "):
        load(TrainConfig, "configs/no.yaml")
    with pytest.raises(BundleError, match="^pretrained/no: no such bundle folder"):
        load_bundle("pretrained/no")


@pytest.mark.parametrize("path", ["configs/../cli.py", "/configs/base.yaml", "other/base.yaml"])
def test_no_other_file_of_the_package_is_meant(path: str) -> None:
    assert shipped(path) == Path(path)
