"""Terms of three kinds and an encoder from a package of its own: they train, resume, export."""

import json
import shutil
import subprocess

import pytest

from sleight.train.runs import checkpoint
from tests.examples.conftest import ROOT
from tests.train.rows import same_weights, untimed

CONFIG = ROOT / "examples" / "new_term" / "corners.yaml"
SMALL = (
    "--steps", 1024, "--env.num_worlds", 16, "--env.threads", 1, "--threads", 1,
    "--env.resets.cache", 32, "--rollout.horizon", 32, "--policy.embedding_size", 32,
    "--policy.hidden_size", 32, "--policy.critic_layers", "[32, 32]", "--wandb", "off",
)  # fmt: skip
LAWS = """
import torch
from sleight.envs.mdp.observations import TERMS, compute
from sleight.envs.mdp.rotations import multiply, random_rotation
from sleight.envs.sim.draws import Draws
from sleight_corners import PIXELS, VIEW_M, PointEncoder, drawn
names = ("object_corners", "corner_view", "fingertip_closeness")
terms = [TERMS.get(name, "test") for name in names]
rng, half = Draws(0), 0.5**0.5
place = 0.02 * rng.normal(50, 3)
wxyz, goal = random_rotation(50, rng), random_rotation(50, rng)
tips = 0.05 * rng.normal(50, 5, 3)
def at(turned):
    return compute(terms, {"object_position": place, "object_wxyz": turned, "goal_wxyz": goal,
                           "fingertips": tips})
seen = at(wxyz)
turned = at(multiply(wxyz, torch.tensor([half, half, 0.0, 0.0]).expand(50, 4)))
points, other = seen["object_corners"], turned["object_corners"]
assert (points - other).abs().max() > 0.1
encoder = PointEncoder((8, 3), 16)
torch.testing.assert_close(encoder(points), encoder(other))
torch.testing.assert_close(seen["corner_view"], turned["corner_view"])
torch.testing.assert_close(points.mean(dim=1), 10 * place)
for name, value in seen.items():
    alone = [at(wxyz)[name][i] for i in range(3)]
    torch.testing.assert_close(value[:3], torch.stack(alone))
picture = drawn(torch.tensor([[[0.04, -0.09, 0.0]]]))[0]
row, column = divmod(int(picture.argmax()), PIXELS)
x, y = (torch.linspace(*ends, PIXELS) for ends in VIEW_M)
assert abs(x[column] - 0.04) < 0.006 and abs(y[row] + 0.09) < 0.006, (row, column)
assert seen["corner_view"].min() >= 0 and seen["corner_view"].max() <= 1
nearer = compute(terms, {"object_position": place, "object_wxyz": wxyz, "goal_wxyz": goal,
                         "fingertips": place[:, None] + 0.5 * (tips - place[:, None])})
assert (nearer["fingertip_closeness"] > seen["fingertip_closeness"]).all()
"""
ORDER = """
import sys
from dataclasses import replace
from pathlib import Path
import torch
from sleight.envs.make import make_env
from sleight.train.rollout.players import RunPlayer
player = RunPlayer(Path(sys.argv[1]))
config = replace(player.env_config, num_worlds=8)
acts = []
for names in (config.actor_terms, config.actor_terms[::-1]):
    env = make_env(replace(config, actor_terms=names))
    seen, _ = env.reset(seed=3)
    player.start(env)
    acts.append([player.act(env, seen, torch.zeros(8, dtype=torch.bool)) for _ in range(3)])
print(max(float((one - other).abs().max()) for one, other in zip(*acts)))
assert acts[0][0].abs().max() > 1e-3
"""
ODD = """
import sys
from dataclasses import replace
from sleight.cli import main
from sleight.envs.mdp.observations import TERMS
TERMS.add("odd_view", replace(TERMS.get("corner_view", "test"), name="odd_view", kind="imag"))
TERMS.add("odd_size", replace(TERMS.get("corner_view", "test"), name="odd_size", shape=("tips",)))
sys.stderr = sys.stdout
for terms in sys.argv[1].split(";"):
    print(main([*sys.argv[2:], "--env.actor_terms", f"[{terms}]"]))
"""


@pytest.fixture(scope="module")
def stranger(strangers):
    return strangers("new_term")


@pytest.fixture(scope="module", params=(pytest.param("lstm", marks=pytest.mark.slow), "none"))
def runs(stranger, request):
    """With an LSTM and without: a run of two iterations, one paused after the first, that resumed.

    Each is a folder with a checkpoint.
    """
    memory, folder = request.param, stranger.folder / "runs"
    words = ("train", CONFIG, *SMALL, "--policy.memory", memory)
    stranger.run(*words, "--name", memory)
    stranger.run(*words, "--name", f"{memory}-part", "--pause_steps", 512)
    paused = shutil.copytree(folder / f"{memory}-part", folder / f"{memory}-paused")
    stranger.run("train", "--resume", folder / f"{memory}-part", "--pause_steps", 0)
    return folder / memory, paused, folder / f"{memory}-part"


def python(stranger, code, *words):
    """What a program prints."""
    command = [stranger.python, "-c", code, *map(str, words)]
    done = subprocess.run(command, cwd=ROOT, text=True, capture_output=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_terms_are_what_they_say(stranger):
    python(stranger, LAWS)


def test_it_resumes_bit_for_bit(runs):
    whole, paused, resumed = runs
    assert len(untimed(paused)) == 1 and len(untimed(whole)) == 2
    assert untimed(resumed) == untimed(whole)
    assert same_weights(resumed, whole)


def test_gradients_reach_the_weights_of_every_encoder(runs):
    late, early = (checkpoint.load(run, state=False).weights for run in runs[:2])
    encoders = {name for name in late if ".encoders." in name}
    for term in ("actor.embedding.encoders.corner_view", "actor.embedding.encoders.object_corners",
                 "critic.embedding.encoders.object_corners"):  # fmt: skip
        assert len([name for name in encoders if name.startswith(term)]) >= 4, term
    still = [name for name in encoders if not (late[name] != early[name]).any()]
    assert still == []


def test_a_run_and_its_bundle_are_evaluated_alike(stranger, runs):
    bundle = stranger.folder / f"{runs[0].name}_bundle"
    stranger.run("export", runs[0], "--out", bundle)
    inputs = json.loads((bundle / "bundle.json").read_text())["inputs"]
    assert "object_wxyz" in {tensor["name"] for tensor in inputs}
    tables = []
    for player in (runs[0], bundle):
        out, _ = stranger.run("eval", player, "--trials", 2, "--goals.timeout_s", 0.8)
        tables.append(out.split("\n", 1)[1])
    assert tables[0] == tables[1] and "mean +- s.e." in tables[0]


def test_the_order_of_the_terms_changes_nothing_that_a_saved_policy_computes(stranger, runs):
    done = python(stranger, ORDER, runs[0])
    assert float(done) < 1e-5


def test_what_cannot_be_is_one_line(stranger):
    lines = {
        "corner_veiw": "got unknown term 'corner_veiw', did you mean 'corner_view'",
        "corner_view": "observation terms: got corner_view (image), allowed: at least one vector",
        "target, odd_view": "kind of term odd_view: got imag, did you mean 'image'",
        "target, odd_size": "term odd_size: shape: got tips, did you mean 'fingertips'",
    }
    words = ("train", CONFIG, *SMALL, "--name", "never")
    shown = python(stranger, ODD, ";".join(lines), *words).splitlines()
    assert shown[1::2] == ["2"] * len(lines)
    for error, line in zip(shown[::2], lines.values(), strict=True):
        assert line in error
    assert not (stranger.folder / "runs" / "never").exists()
