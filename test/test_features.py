"""The page that compares features names, for each one of this package, a test that exists."""

import re

import pytest

NAMED = re.compile(r"`(test/[\w/.]+)(?:::(\w+))?`")


@pytest.fixture
def rows(repository):
    """The cells of each row of the table: the feature, this package, the others."""
    text = (repository / "docs" / "reference" / "features.md").read_text()
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines[2:]]


def test_every_row_has_a_cell_for_each_package(rows):
    assert len(rows) > 30 and {len(row) for row in rows} == {9}


def test_what_this_package_has_is_shown_by_tests_that_exist(repository, rows):
    for feature, ours, *_others in rows:
        assert ours == "-" or NAMED.search(ours), feature
        for path, function in NAMED.findall(ours):
            place = repository / path
            assert place.exists(), (feature, path)
            assert not function or "def %s(" % function in place.read_text(), (feature, function)
