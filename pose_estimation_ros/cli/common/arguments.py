"""Provide types of command-line arguments that refuse what is out of range, as argparse takes them."""

import argparse
import math
from typing import Callable, Optional, TypeVar

from pose_estimation_ros.core import fields

Number = TypeVar("Number", int, float)


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

    return parse
