"""Films: what is in the file, what is written on the pictures, and what a failure leaves behind."""

import os
import resource
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from sleight import cli
from sleight.config import save as save_config
from sleight.envs.config import EnvConfig, ResetConfig
from sleight.envs.env import HandEnv, Observation
from sleight.envs.make import make_env
from sleight.envs.rendering.renderer import HandRenderer
from sleight.envs.tasks.reach import ReachConfig
from sleight.errors import ConfigError, SleightError
from sleight.policies.config import PolicyConfig
from sleight.train.algorithms.ppo import PpoConfig
from sleight.train.config import RolloutConfig, TrainConfig
from sleight.train.reports import video
from sleight.train.reports.overlay import GOOD, Flash, Words, write
from sleight.train.rollout.in_process import build
from sleight.train.runs.metrics import read_metrics

ROOT = Path(__file__).parents[3]
WIDTH, HEIGHT = 160, 120


@pytest.fixture(scope="module", autouse=True)
def _graphics() -> None:
    try:
        HandRenderer(width=16, height=16).close()
    except SleightError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def env() -> HandEnv:
    far = ReachConfig(threshold_m=1e-4)  # no goal is reached by chance
    return make_env(EnvConfig(task="reach", num_worlds=4, threads=1, blocks={"reach": far}), seed=0)


def _still(observation: Observation, starts: Tensor) -> Tensor:
    return torch.zeros(len(starts), 20)


def _frames(path: Path) -> tuple[dict, np.ndarray]:
    """What the file says of itself, and its pictures (T, H, W, 3)."""
    reader = imageio_ffmpeg.read_frames(str(path))
    about = next(reader)
    width, height = about["size"]
    shape = (height, width, 3)
    return about, np.stack([np.frombuffer(frame, np.uint8).reshape(shape) for frame in reader])


def test_a_film_in_real_time(env: HandEnv, tmp_path: Path) -> None:
    path = video.record(env, _still, 6, tmp_path / "new" / "a.mp4", width=WIDTH, height=HEIGHT)
    about, frames = _frames(path)
    assert about["codec"] == "h264" and about["pix_fmt"].startswith("yuv420p")
    assert about["fps"] == pytest.approx(12.5)
    assert frames.shape == (6, HEIGHT, WIDTH, 3)
    assert [file.name for file in path.parent.iterdir()] == ["a.mp4"]
    bottom = frames[0, -10:].astype(int)
    assert np.median(bottom) > 240, "the line of words stands on white"
    assert frames[0, : HEIGHT // 2].std() > 10, "there is something to see above it"


def test_a_gif(env: HandEnv, tmp_path: Path) -> None:
    path = video.record(env, _still, 4, tmp_path / "film.GIF", width=64, height=48)
    with Image.open(path) as film:
        assert (film.format, film.n_frames, film.size) == ("GIF", 4, (64, 48))
        assert film.info["duration"] == pytest.approx(80)  # ms, real time
        assert len(film.convert("RGB").getcolors(1 << 16)) > 20


@pytest.mark.parametrize("name", ["film.avi", "film", "film.mp4.txt"])
def test_another_format_is_named_before_the_work(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["play", str(tmp_path / "no-such-run"), "--video", str(tmp_path / name)]
    assert cli.main(words) == 2
    error = capsys.readouterr().err
    assert f"video: got {tmp_path / name}, allowed: a name that ends in .mp4 or .gif" in error


def test_an_encoder_that_fails_is_not_put_down_to_the_disk(
    env: HandEnv, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", "/bin/false")
    with pytest.raises(SleightError, match="cannot be written; the encoder failed: "):
        video.record(env, _still, 2, tmp_path / "film.mp4")


def test_actions_see_where_episodes_start(env: HandEnv, tmp_path: Path) -> None:
    seen: list[Tensor] = []

    def act(observation: Observation, starts: Tensor) -> Tensor:
        seen.append(starts.clone())
        env.goal_age[1] = 10**6 if len(seen) == 1 else 0  # world 1 times out in this step
        return torch.zeros(4, 20)

    video.record(env, act, 4, tmp_path / "a.mp4", width=WIDTH, height=HEIGHT)
    assert seen[0].all(), "a film begins with a reset"
    assert seen[1].tolist() == [False, True, False, False]
    assert not seen[2].any()


def test_several_worlds_side_by_side(env: HandEnv, tmp_path: Path) -> None:
    path = video.record(env, _still, 2, tmp_path / "a.mp4", worlds=(0, 2, 3), width=256, height=192)
    _, frames = _frames(path)
    assert frames.shape[1:3] == (192, 256)
    tiles = [frames[0, r : r + 80, c : c + 128].astype(int) for r in (0, 96) for c in (0, 128)]
    assert np.abs(tiles[0] - tiles[1]).mean() > 1, "different worlds"
    assert tiles[3].min() > 240, "three worlds leave one place empty"


@pytest.mark.parametrize(("worlds", "steps"), [((4,), 3), ((-1,), 3), ((), 3), ((0,), 0)])
def test_a_world_that_is_not_there(
    env: HandEnv, tmp_path: Path, worlds: tuple[int, ...], steps: int
) -> None:
    with pytest.raises(ConfigError, match="worlds 0 to 3"):
        video.record(env, _still, steps, tmp_path / "a.mp4", worlds=worlds)
    assert not list(tmp_path.iterdir())


def test_a_failure_leaves_the_old_film_and_nothing_else(env: HandEnv, tmp_path: Path) -> None:
    def act(observation: Observation, starts: Tensor) -> Tensor:
        raise KeyboardInterrupt

    (tmp_path / "a.mp4").write_bytes(b"old")
    with pytest.raises(KeyboardInterrupt):
        video.record(env, act, 4, tmp_path / "a.mp4", width=WIDTH, height=HEIGHT)
    assert (tmp_path / "a.mp4").read_bytes() == b"old"
    assert [file.name for file in tmp_path.iterdir()] == ["a.mp4"]


def test_a_full_disk_leaves_the_old_film(env: HandEnv, tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"old")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2048, before[1]))  # no file may grow beyond this
    try:
        with pytest.raises(
            SleightError, match=r"a\.mp4: the video cannot be written; the encoder failed"
        ):
            video.record(env, _still, 4, tmp_path / "a.mp4", width=WIDTH, height=HEIGHT)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert (tmp_path / "a.mp4").read_bytes() == b"old"
    assert [file.name for file in tmp_path.iterdir()] == ["a.mp4"]


def test_a_film_that_was_cut_short_is_not_published(
    env: HandEnv, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(video.imageio_ffmpeg, "count_frames_and_secs", lambda path: (3, 0.24))
    with pytest.raises(SleightError, match="the video cannot be written"):
        video.record(env, _still, 4, tmp_path / "a.mp4", width=WIDTH, height=HEIGHT)
    assert not list(tmp_path.iterdir())


def test_the_block_and_its_goal_are_filmed_and_success_is_flashed(tmp_path: Path) -> None:
    config = EnvConfig(num_worlds=1, threads=1, resets=ResetConfig(cache=4, half_flipped=0.0))
    env = make_env(config, seed=0)
    steps = 0

    def act(observation: Observation, starts: Tensor) -> Tensor:
        nonlocal steps
        steps += 1
        if steps == 2:  # the goal is where the block already is: reached in this step
            env.task.goal[0] = env.task.sensors(slice(None))["object_wxyz"][0]
        return torch.zeros(1, 20)

    path = video.record(env, act, 4, tmp_path / "a.mp4", width=240, height=180)
    _, frames = _frames(path)
    corner = frames[:, 8:20, 8:60].astype(int)
    green = (corner[..., 1] - corner[..., 0]).mean(axis=(1, 2)) > 30
    assert green.tolist() == [False, False, True, True]
    spread = frames.max(axis=3).astype(int) - frames.min(axis=3)
    assert (spread[0, :150, :144] > 70).any(), "the block in the hand"
    assert (spread[0, :150, 150:] > 70).any(), "the goal beside it"


def test_words_are_written_where_they_belong() -> None:
    blank = np.full((120, 160, 3), 128, np.uint8)
    written = write(blank, Words(("1.0 s",), (("goal", 120.0, 60.0),), Flash("success!", GOOD)))
    changed = (written != blank).any(axis=2)
    assert (blank == 128).all(), "the picture given is left alone"
    rows, columns = np.nonzero(changed[50:90])
    assert 105 < columns.mean() < 135 and rows.min() >= 9, "centred below its point"
    assert changed[-20:].all(), "a bar at the bottom"
    assert tuple(written[12, 10]) == GOOD


def test_films_of_a_training_do_not_disturb_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(video, "TRAINING_FILM_S", 0.24)
    env = EnvConfig(task="reach", num_worlds=2, threads=1)
    small = PolicyConfig(embedding_size=8, hidden_size=8)
    short = RolloutConfig(horizon=4, bptt_steps=4)
    ppo = {"ppo": PpoConfig(epochs=1, minibatches=1)}
    curves = []
    for filmed in (False, True):
        config = TrainConfig(env=env, rollout=short, policy=small, steps=10_000, seed=5, blocks=ppo)
        training = build(config)
        training.iterate()
        if filmed:
            video.checkpoint_video(training, tmp_path)
        curves.append(training.iterate()["reward_mean"])
    assert curves[0] == curves[1]
    (film,) = (tmp_path / "videos").iterdir()
    assert film.name == "000000000008.mp4"
    assert len(_frames(film)[1]) == 3


def test_a_run_on_a_machine_that_cannot_render_goes_on_without_videos(
    reach_config: TrainConfig, tmp_path: Path
) -> None:
    config = replace(reach_config, runs=str(tmp_path), name="run", video_steps=128)
    save_config(config, tmp_path / "reach.yaml")
    done = subprocess.run(
        [sys.executable, "-m", "sleight", "train", str(tmp_path / "reach.yaml")],
        cwd=ROOT, capture_output=True, text=True, check=False,
        env={**os.environ, "MUJOCO_GL": "disable"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("no videos: rendering: MuJoCo has no OpenGL") == 1
    assert len(read_metrics(tmp_path / "run" / "metrics.jsonl")) == 4
    assert not (tmp_path / "run" / "videos").exists()
