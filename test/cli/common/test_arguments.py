import argparse

import pytest

from pose_estimation_ros.cli.common.arguments import number, whole


@pytest.mark.parametrize(
    "kind, text, value",
    [
        (whole(1), "1", 1),
        (whole(1), " 2 ", 2),
        (whole(0, 5), "5", 5),
        (number(0.5), "0.5", 0.5),
        (number(0, 2), "2", 2.0),
        (number(0), "1e300", 1e300),
    ],
)
def test_what_is_taken(kind, text, value):
    result = kind(text)
    assert result == value and type(result) is type(value)


WHOLE, NUMBER = "expected a whole number of 1 or more, got ", "expected a number in 0.5..2, got "


@pytest.mark.parametrize(
    "kind, text, message",
    [(whole(1), text, WHOLE) for text in ("", "0", "-1", "1.5", "nan", "inf", "1e3", "x", "9" * 400, "9" * 5000)]
    + [(number(0.5, 2), text, NUMBER) for text in ("", "0.4", "2.1", "nan", "inf", "-inf", "1e999", "x" * 10**6)]
    + [(number(0), "inf", "expected a number of 0 or more, got 'inf'")]
    + [(whole(2, 3), "4", "expected a whole number in 2..3, got '4'")],
)
def test_what_is_refused(kind, text, message):
    with pytest.raises(argparse.ArgumentTypeError) as error:
        kind(text)
    assert str(error.value).startswith(message) and len(str(error.value)) < 120
