"""The program: finds commands, imports little, and turns errors into one line and an exit code."""

import os
import subprocess
import sys
import types
from collections.abc import Callable
from pathlib import Path

import pytest

from sleight import __version__, cli
from sleight.errors import BundleError, ConfigError, ConnectError, SafetyStop, SleightError

ROOT = Path(__file__).parents[2]
Install = Callable[[Callable[[list[str]], int | None]], None]


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Install:
    """Make `function` the command `sleight train`."""

    def put(function: Callable[[list[str]], int | None]) -> None:
        module = types.ModuleType("sleight.fake")
        vars(module)["go"] = function
        monkeypatch.setitem(sys.modules, "sleight.fake", module)
        monkeypatch.setitem(cli.COMMANDS, "train", cli.Command("fake", "go", "a fake"))

    return put


def _python(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {key: value for key, value in os.environ.items() if key not in ("MUJOCO_GL", "DISPLAY")}
    return subprocess.run(
        [sys.executable, *words],
        cwd=ROOT,
        env={**clean, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("words", [[], ["--help"], ["-h"]])
def test_help_lists_every_command_in_one_line(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(words) == 0
    lines = capsys.readouterr().out.splitlines()
    for name, command in cli.COMMANDS.items():
        assert sum(line.split()[:1] == [name] and command.text in line for line in lines) == 1


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out == f"sleight {__version__}\n"


def test_the_rest_of_the_line_reaches_the_command(install: Install) -> None:
    seen: list[str] = []

    def go(argv: list[str]) -> None:
        seen.extend(argv)

    install(go)
    assert cli.main(["train", "a.yaml", "--x", "1"]) == 0
    assert seen == ["a.yaml", "--x", "1"]
    install(lambda argv: 3)
    assert cli.main(["train"]) == 3


@pytest.mark.parametrize(
    ("error", "code"),
    [(SleightError, 2), (ConfigError, 2), (BundleError, 2), (ConnectError, 3), (SafetyStop, 4)],
)
def test_an_error_is_one_line_and_its_code(
    install: Install, capsys: pytest.CaptureFixture[str], error: type[SleightError], code: int
) -> None:
    def go(argv: list[str]) -> int:
        raise error("a.yaml: rate: got 2,\n  allowed: 1")

    install(go)
    assert cli.main(["train"]) == code
    out, err = capsys.readouterr()
    assert (out, err) == ("", "error: a.yaml: rate: got 2, allowed: 1\n")


def test_an_error_is_never_longer_than_a_person_reads(
    install: Install, capsys: pytest.CaptureFixture[str]
) -> None:
    def go(argv: list[str]) -> int:
        raise ConfigError("a.csv: column " + "x" * 100_000)

    install(go)
    assert cli.main(["train"]) == 2
    err = capsys.readouterr().err
    assert err.startswith("error: a.csv: column xx") and err.endswith("xx ...\n")
    assert len(err) < 1500


@pytest.mark.parametrize(
    "words", [["eval", "LONG"], ["play", "LONG", "--video", "a.mp4"], ["train", "--resume", "LONG"]]
)
def test_a_name_that_no_file_can_have_is_one_line(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main([word.replace("LONG", "x" * 300) for word in words]) == 2
    err = capsys.readouterr().err
    assert err.startswith("error: ") and err.count("\n") == 1


def test_ctrl_c_is_130(install: Install) -> None:
    def go(argv: list[str]) -> int:
        raise KeyboardInterrupt

    install(go)
    assert cli.main(["train"]) == 130


def test_a_defect_is_not_hidden(install: Install) -> None:
    install(lambda argv: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        cli.main(["train"])


def test_an_unknown_command_names_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["trian"]) == 2
    error = capsys.readouterr().err
    assert "unknown command 'trian', did you mean 'train'? available: train, clone, eval" in error


def test_a_command_that_cannot_be_loaded_says_why(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(cli.COMMANDS, "rig", cli.Command("deploy.nowhere", "rig", ""))
    with pytest.raises(SleightError, match=r"there is no sleight\.deploy\.nowhere"):
        cli.find("rig")
    monkeypatch.setitem(cli.COMMANDS, "rig", cli.Command("errors", "rig", ""))
    with pytest.raises(SleightError, match=r"sleight\.errors has no 'rig'"):
        cli.find("rig")
    (tmp_path / "needy.py").write_text("import a_package_that_is_not_there\n")
    monkeypatch.setattr("sleight.__path__", [*sys.modules["sleight"].__path__, str(tmp_path)])
    monkeypatch.setitem(cli.COMMANDS, "rig", cli.Command("needy", "rig", ""))
    with pytest.raises(SleightError, match="the package a_package_that_is_not_there, which"):
        cli.find("rig")


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_every_command_is_there(name: str) -> None:
    assert callable(cli.find(name))


def test_help_is_light() -> None:
    code = "import sys; from sleight.cli import main; main(['--help']); print(*sys.modules)"
    result = _python("-c", code)
    assert result.returncode == 0
    loaded = set(result.stdout.splitlines()[-1].split())
    assert "sleight.cli" in loaded
    assert not loaded & {"torch", "mujoco", "numpy", "ray", "wandb", "gymnasium", "onnxruntime"}


def test_python_m_and_its_exit_code() -> None:
    assert _python("-m", "sleight", "--help").stdout.startswith("usage: sleight COMMAND")
    wrong = _python("-m", "sleight", "nothing")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert len(wrong.stderr.splitlines()) == 1


def test_a_reader_that_leaves_is_no_error() -> None:
    code = (
        "import sys; from sleight import cli; cli.usage = lambda: 'x\\n' * 10**6; "
        "sys.exit(cli.main(['--help']))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None and process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait(timeout=60) == 0


@pytest.mark.skipif(sys.platform != "linux", reason="EGL is Linux's")
def test_rendering_without_a_screen_is_the_default() -> None:
    code = (
        "import os; from sleight.cli import prepare_environment as p; p(); "
        "print(*(os.environ.get(k) for k in ('MUJOCO_GL', 'LP_NUM_THREADS', 'OMP_NUM_THREADS')))"
    )
    assert _python("-c", code, OMP_NUM_THREADS="1").stdout.split() == ["egl", "1", "1"]
    assert _python("-c", code, DISPLAY=":0").stdout.split()[0] == "None"
    assert _python("-c", code, MUJOCO_GL="osmesa").stdout.split()[0] == "osmesa"


BENCHES = ("env", "gap", "peers", "rig", "scale", "sim_to_sim", "soak", "train", "transfer")


@pytest.mark.parametrize("name", [*BENCHES, "train_peers"])
def test_help_of_bench_lists_every_benchmark(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["bench", "--help"]) == 0
    assert f"\n  {name} " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["bench", "evn"], "sleight bench: got evn, did you mean 'env'? available: "),
        (["bench", "env", "--worlds", "0"], "--worlds, --steps, --repetitions: got 0, allowed: an"),
        (["bench", "sysid", "--seeds", "0,-1"], "sleight bench sysid: argument --seeds: got -1, "),
        (["bench", "env", "--reps", "3"], "sleight bench env: unrecognized arguments: --reps 3"),
        (["demo", "--trails", "3"], "sleight demo: unrecognized arguments: --trails 3"),
        (["demo", "--trials", "0"], "--trials: got 0, allowed: an integer >= 1"),
        (["demo", "--rigs", "0"], "--rigs: got 0, allowed: an integer >= 1"),
        (["demo", "--bundle", "nowhere"], "demo: got no nowhere/bundle.json, allowed: a checkout"),
    ],
)
def test_what_cannot_be_is_one_line_before_anything_runs(
    words: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(words) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith(f"error: {says}") and captured.err.count("\n") == 1
    assert captured.out == ""


@pytest.mark.parametrize("words", [["--help"], ["a.yaml", "--help"], ["--steps", "3", "-h"]])
def test_help_of_train_is_found_anywhere(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["train", *words]) == 0
    out = capsys.readouterr().out
    assert out.startswith("usage: sleight train [CONFIG.yaml | --resume RUN] [--field value ...]\n")
    assert out.count("usage") == 1 and "--ppo.gamma" in out


@pytest.mark.parametrize("program", ["rig", "adr", "vision", "bench"])
def test_commands_of_commands_say_what_they_have(
    program: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for words in ([], ["--help"]):
        assert cli.main([program, *words]) == 0
        assert capsys.readouterr().out.startswith(f"usage: sleight {program}")
    assert cli.main([program, "zzz"]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith(f"error: sleight {program}: got zzz, available: ")
