"""Provide types of command-line arguments that refuse what is out of range, as argparse takes them."""

import argparse
import math
from typing import Any, Callable, Optional, TypeVar

from pose_estimation_ros.core import fields

Number = TypeVar("Number", int, float)


class Kind:
    """Make a value of the text of an argument, as argparse asks its types to, and say which values there are.

    Args:
        expected: Words for the values, such as "a whole number of 1 or more"; the documentation shows them.
        parse: Function from the text to the value; it raises ArgumentTypeError.
    """

    def __init__(self, expected: str, parse: Callable[[str], Any]) -> None:
        self.expected, self._parse = expected, parse

    def __call__(self, text: str) -> Any:
        """Return the value of a text."""
        return self._parse(text)


def whole(low: int, high: Optional[int] = None) -> Callable[[str], int]:
    """Make the type of a whole number.

    Args:
        low: Smallest value.
        high: Largest value, None where there is no limit.

    Returns:
        A function from the text of an argument to its value; it raises ArgumentTypeError.
    """
    return _type_of(int, fields.whole(low, high))


def number(low: float, high: Optional[float] = None) -> Callable[[str], float]:
    """Make the type of a finite number.

    Args:
        low: Smallest value.
        high: Largest value, None where there is no limit.

    Returns:
        A function from the text of an argument to its value; it raises ArgumentTypeError.
    """
    return _type_of(float, fields.number(low, high))


def _type_of(kind: Callable[[str], Number], rule: fields.Rule) -> Callable[[str], Number]:
    """Make the type of an argument from a rule; the text is cut in the message, which no argument may fill."""

    def parse(text: str) -> Number:
        try:
            value: Number = rule.convert(kind(text))
            math.isfinite(value)  # raises OverflowError
        except (ValueError, OverflowError):  # a word; or a whole number that no float holds
            raise argparse.ArgumentTypeError("expected %s, got %.40r" % (rule.expected, text))
        return value

    return Kind(rule.expected, parse)
