import pytest

from tools.checks.strict_types import without_bare_arrays

BARE = 'a.py:1: error: Missing type arguments for generic type "ndarray"  [type-arg]'
OTHER = 'a.py:2: error: Missing type arguments for generic type "dict"  [type-arg]'


@pytest.mark.parametrize(
    "output, expected",
    [
        ("", ""),
        ("Success: no issues found in 2 source files", ""),
        (BARE + "\nFound 1 error in 1 file (checked 2 source files)", ""),
        (BARE + "\n" + OTHER + "\nFound 2 errors in 1 file (checked 2 source files)", OTHER),
    ],
)
def test_only_bare_arrays_are_let_through(output, expected):
    assert without_bare_arrays(output) == expected
