"""Check that what `make test-py36` runs has the grammar of Python 3.6, without a Python 3.6."""

import ast
import re

import pytest

FOLDERS = re.compile(r"\$\(addprefix test/,(.*)\)")  # of the Makefile's target


@pytest.fixture
def folders(repository):
    target = (repository / "Makefile").read_text().partition("\ntest-py36:")[2]
    return ["test/" + name for name in FOLDERS.search(target).group(1).split()]


def test_a_walrus_is_found():
    with pytest.raises(SyntaxError):
        ast.parse("assert {1} <= set(found := [1])", feature_version=(3, 6))


def test_tests_of_the_runtime_rooms_have_its_grammar(repository, folders):
    paths = [path for folder in folders for path in sorted((repository / folder).rglob("*.py"))]
    assert len(paths) > 100
    for path in paths:
        ast.parse(path.read_text(encoding="utf-8"), str(path), feature_version=(3, 6))
