"""Check that environments are installed once, and that a failure is told in a line. No package is installed here."""

import sys

import pytest

from benchmarks.peers import environments
from benchmarks.peers.environments import MEDIAPIPE, ULTRALYTICS, installed, succeed, variables
from benchmarks.peers.protocol import LeftOut


def test_an_environment_is_installed_once_and_the_package_without_what_it_asks_for(monkeypatch, tmp_path):
    commands = []

    def note(command):
        commands.append(command)
        (tmp_path / MEDIAPIPE.name).mkdir(exist_ok=True)

    monkeypatch.setattr(environments, "succeed", note)
    for _again in range(2):
        assert installed(MEDIAPIPE, tmp_path) == tmp_path / "mediapipe" / "bin" / "python"
    assert [command[1:3] for command in commands] == [["-m", "venv"], ["-m", "pip"], ["-m", "pip"]]
    assert commands[1][-2:] == ["--no-deps", "mediapipe"] and "--no-deps" not in commands[2]


def test_half_an_environment_is_made_again(monkeypatch, tmp_path):
    tries = []

    def fail_once(command):
        tries.append(command)
        (tmp_path / ULTRALYTICS.name).mkdir(exist_ok=True)
        if len(tries) == 2:
            raise LeftOut("no network")

    monkeypatch.setattr(environments, "succeed", fail_once)
    with pytest.raises(LeftOut):
        installed(ULTRALYTICS, tmp_path)
    installed(ULTRALYTICS, tmp_path)
    assert len(tries) == 2 + 3 and "--clear" in tries[2]


@pytest.mark.parametrize("code, words", [
    ("print('ERROR: no such version'); print('notice'); raise SystemExit(1)", "^ERROR: no such version$"),
    ("print('one'); print('two'); raise SystemExit(1)", "^two$"),
    ("raise SystemExit(4)", "^exit code 4$"),
])  # fmt: skip
def test_a_failure_is_told_in_a_line(code, words):
    with pytest.raises(LeftOut, match=words):
        succeed([sys.executable, "-c", code])


def test_programs_find_the_source_tree_and_write_into_their_environment(repository, tmp_path):
    assert variables()["PYTHONPATH"] == str(repository)
    assert variables(tmp_path)["YOLO_CONFIG_DIR"] == variables(tmp_path)["MPLCONFIGDIR"] == str(tmp_path)


@pytest.mark.parametrize("environment", [MEDIAPIPE, ULTRALYTICS])
def test_every_package_has_a_version(repository, environment):
    pinned = {line.split("==")[0].lower() for line in (repository / environment.constraints).read_text().splitlines()}
    assert {name.lower() for name in (environment.package, *environment.needed)} <= pinned
