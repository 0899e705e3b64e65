"""What each rule accepts, in which form it returns that, and how it refuses the rest."""

import pathlib

import numpy as np
import pytest

from pose_estimation_ros.core.errors import ConfigError
from pose_estimation_ros.core.fields import (
    NUMBER,
    PATH,
    TEXT,
    TRUE_OR_FALSE,
    Rule,
    check_field,
    check_fields,
    list_of,
    number,
    one_of,
    optional,
    whole,
)

COLORS = one_of(["red", "blue"])


@pytest.mark.parametrize(
    "rule, value, expected",
    [
        (whole(1, 8), 8, 8),
        (whole(1), 10**400, 10**400),
        (whole(1, 8), np.int64(3), 3),
        (number(0, 1), 1, 1.0),
        (number(0, 1), np.float32(0.5), 0.5),
        (NUMBER, -3, -3.0),
        (TRUE_OR_FALSE, False, False),
        (TEXT, "", ""),
        (PATH, "x", "x"),
        (PATH, pathlib.Path("a", "b"), "a/b"),
        (COLORS, "red", "red"),
        (optional(COLORS), None, None),
        (optional(COLORS), "blue", "blue"),
        (list_of(PATH), [pathlib.Path("a"), "b"], ("a", "b")),
        (list_of(PATH), (text for text in "ab"), ("a", "b")),
        (list_of(PATH), [], ()),
    ],
)
def test_values_that_fit_get_their_final_form(rule, value, expected):
    value = check_field("x", value, rule)
    assert value == expected and type(value) is type(expected)


WHOLE = "a whole number in 1..8"
A_LIST = "a list, each item a name or path"


@pytest.mark.parametrize(
    "rule, values, words",
    [
        (whole(1, 8), ["2", None, True, 1.5, 0, 9, -1, float("nan"), [1]], WHOLE),
        (whole(1), [0, "1", 2.0], "a whole number of 1 or more"),
        (number(0, 1), ["0.5", True, float("nan"), -0.1, 1.1, 1j, 10**400], "a number in 0..1"),
        (number(0), [float("inf"), -1], "a number of 0 or more"),
        (NUMBER, ["5", None, False, 10**400], "a number"),
        (TRUE_OR_FALSE, ["yes", 1, 0, None], "true or false"),
        (TEXT, [5, None, b"x", "a" + chr(0)], "a text without null characters"),
        (PATH, [5, None, b"x", "a" + chr(0), True], "a name or path"),
        (COLORS, ["green", None, 5, ["red"], np.array(["red"])], "one of red, blue"),
        (optional(COLORS), ["green", 5], "one of red, blue, or None"),
        (list_of(PATH), [None, 5, b"ab", [5], [None], {"a": 1}], A_LIST),
        (list_of(whole(1, 8)), [[0], ["1"], 3], "a list, each item " + WHOLE),
    ],
)
def test_values_that_do_not_fit_are_named(rule, values, words):
    for value in values:
        with pytest.raises(ConfigError) as error:
            check_field("x", value, rule)
        assert str(error.value).startswith("expected x to be %s, got " % words), value


@pytest.mark.parametrize("value", ["abc", pathlib.Path("abc")])
def test_a_single_text_is_no_list_and_the_message_says_what_is(value):
    with pytest.raises(ConfigError, match=r"got .*abc.*; did you mean \[.*'abc'.*\]\?"):
        check_field("models", value, list_of(PATH))


def test_long_values_are_shortened():
    with pytest.raises(ConfigError) as error:
        check_field("x", "a" * 10**6, whole(1))
    assert len(str(error.value)) < 200


def test_fields_are_checked_by_the_rule_of_their_name():
    rules = {"path": PATH, "count": whole(1)}
    assert check_fields({"path": pathlib.Path("a"), "count": 2, "other": None}, rules) == {"path": "a", "count": 2}
    with pytest.raises(ConfigError, match="expected count to be"):
        check_fields({"path": "a", "count": 0}, rules)


def test_a_rule_may_have_a_message_of_its_own():
    def convert(value):
        raise ConfigError("own words")

    with pytest.raises(ConfigError, match="^own words$"):
        check_field("x", 1, Rule("a thing", convert))
