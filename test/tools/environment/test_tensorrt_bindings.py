"""What is fetched lies in its folder; what this Python cannot have leaves no folder, so that its tests are skipped."""

import sys
import zipfile

import pytest

from tools.environment import tensorrt_bindings

HERE = "thing==1"
ABSENT = 'thing==1; python_version < "3"'
MISSING = "nothing_of_this_name==1"


@pytest.fixture
def target(tmp_path, monkeypatch):
    """An empty folder for packages; pip finds no package but `thing`, a wheel made here."""
    with zipfile.ZipFile(str(tmp_path / "thing-1-py3-none-any.whl"), "w") as wheel:
        wheel.writestr("thing.py", "")
        wheel.writestr("thing-1.dist-info/METADATA", "Metadata-Version: 2.1\nName: thing\nVersion: 1\n")
        wheel.writestr("thing-1.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr("thing-1.dist-info/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    monkeypatch.setattr(tensorrt_bindings, "LIST", tmp_path / "list.txt")
    monkeypatch.setattr(tensorrt_bindings, "TARGET", tmp_path / "target")
    return tmp_path / "target"


def fetch(target, *lines):
    (target.parent / "list.txt").write_text("# A comment.\n\n" + "\n".join(lines))
    tensorrt_bindings.main()
    return sorted(path.name for path in target.glob("*"))


@pytest.mark.parametrize("lines, folders", [([], []), ([ABSENT], []), ([MISSING], []), ([MISSING, HERE], [HERE])])
def test_only_what_this_python_can_have_gets_a_folder(target, capfd, lines, folders):
    assert fetch(target, *lines) == folders
    assert all((target / name / "thing.py").is_file() for name in folders)
    assert ("not available here" in capfd.readouterr().out) == (MISSING in lines)


def test_an_empty_folder_is_filled_and_a_full_one_stays(target, monkeypatch):
    (target / HERE).mkdir(parents=True)
    assert fetch(target, HERE) == [HERE] and (target / HERE / "thing.py").is_file()
    monkeypatch.setattr(sys, "executable", "/of/no/use")
    assert fetch(target, HERE) == [HERE] and (target / HERE / "thing.py").is_file()


def test_what_pip_makes_for_another_python_counts_only_if_it_holds_something(target):
    for path in (target, target / HERE):
        path.mkdir()
        assert not tensorrt_bindings.is_filled(path / "file") and not tensorrt_bindings.is_filled(path)
    (target / HERE / "thing.py").write_text("")
    assert tensorrt_bindings.is_filled(target / HERE)
