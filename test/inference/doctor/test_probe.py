import pytest

from pose_estimation_ros.inference.doctor.finding import BROKEN, MISSING, OK
from pose_estimation_ros.inference.doctor.probe import Library, is_installed, probe

# Source of a library, facts that are asked, state and value of the finding.
CASES = [
    ("", "[]", OK, "installed"),
    ("__version__ = '1.2'", "[]", OK, "1.2"),
    ("__version__ = '1.2'\nprint('noise')", "[m.__name__, 3]", OK, "1.2: library_{n}, 3"),
    ("raise ImportError('lib.so: cannot open')", "[]", BROKEN, "ImportError: lib.so: cannot open"),
    ("import no_such_module", "[]", BROKEN, "ModuleNotFoundError: No module named 'no_such_module'"),
    ("import os, signal\nos.kill(os.getpid(), signal.SIGILL)", "[]", BROKEN, "its import crashes (SIGILL)"),
    ("import os\nos._exit(0)", "[]", BROKEN, "its import ends the process"),
    ("import os\nos._exit(3)", "[]", BROKEN, "exit code 3"),
    ("", "[m.nothing]", BROKEN, "AttributeError: module 'library_{n}' has no attribute 'nothing'"),
]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def test_nothing_is_asked():
    assert probe([]) == []


def test_each_library_is_a_finding_whatever_its_import_does(folder):
    for number, (source, _facts, _state, _value) in enumerate(CASES):
        (folder / ("library_%d.py" % number)).write_text(source)
    libraries = [Library("part", "library_%d" % n, "mend %d" % n, case[1]) for n, case in enumerate(CASES)]
    found = probe(libraries)
    assert [it.name for it in found] == [library.module for library in libraries]
    assert [(it.state, it.value) for it in found] == [
        (state, value.format(n=n)) for n, (_source, _facts, state, value) in enumerate(CASES)
    ]
    assert [it.remedy for it in found] == ["" if it.state == OK else "mend %d" % n for n, it in enumerate(found)]


def test_an_import_that_does_not_end(folder):
    (folder / "endless_library.py").write_text("while True: pass")
    found = probe([Library("part", "endless_library", "install", broken="mend")], timeout_s=0.5)
    assert [(it.state, it.value, it.remedy) for it in found] == [(BROKEN, "its import does not end", "mend")]


def test_a_library_that_is_not_installed():
    found = probe([Library("part", "no_such_module", "pip install it")])
    assert [(it.state, it.value, it.remedy) for it in found] == [(MISSING, "not installed", "pip install it")]


@pytest.mark.parametrize(
    "module, expected", [("json", True), ("json.decoder", True), ("no_such", False), ("no_such.below", False)]
)
def test_what_is_installed(module, expected):
    assert is_installed(module) == expected


def test_a_package_that_cannot_be_imported_is_not_installed(folder):
    (folder / "broken_package").mkdir()
    (folder / "broken_package" / "__init__.py").write_text("raise ImportError")
    (folder / "broken_package" / "below.py").write_text("")
    assert is_installed("broken_package") and not is_installed("broken_package.below")
