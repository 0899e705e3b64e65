"""Check, without a Python 3.6, that its parser reads the tests that `make test-py36` runs with it."""

import ast
import re

import pytest

FOLDERS = re.compile(r"\$\(addprefix test/,(.*)\)")  # of the Makefile's target


def parsed(text, name="text"):
    return ast.parse(text, name, feature_version=(3, 6))


def test_a_walrus_is_found():
    with pytest.raises(SyntaxError):
        parsed("assert {1} <= set(found := [1])")


def test_it_reads_all_tests_of_the_rooms_that_run_on_it(repository):
    target = (repository / "Makefile").read_text().partition("\ntest-py36:")[2]
    folders = [repository / "test" / name for name in FOLDERS.search(target).group(1).split()]
    paths = [path for folder in folders for path in sorted(folder.rglob("*.py"))]
    assert len(paths) > 100
    for path in paths:
        parsed(path.read_text(encoding="utf-8"), str(path))
