"""Provide types of command-line arguments that refuse what is out of range, as argparse takes them."""

import argparse
import math
from typing import Callable, Optional, TypeVar

Number = TypeVar("Number", int, float)


def whole(low: int, high: Optional[int] = None) -> Callable[[str], int]:
    """Make the type of a whole number.

    Args:
        low: Smallest value.
        high: Largest value, None where there is no limit.

    Returns:
        A function from the text of an argument to its value; it raises ArgumentTypeError.
    """

    def parse(text: str) -> int:
        return _in_range(int, text, low, high, "a whole number")

    return parse


def number(low: float, high: Optional[float] = None) -> Callable[[str], float]:
    """Make the type of a finite number.

    Args:
        low: Smallest value.
        high: Largest value, None where there is no limit.

    Returns:
        A function from the text of an argument to its value; it raises ArgumentTypeError.
    """

    def parse(text: str) -> float:
        return _in_range(float, text, low, high, "a number")

    return parse


def _in_range(kind: Callable[[str], Number], text: str, low: float, high: Optional[float], noun: str) -> Number:
    """Return the value of the text; the text is cut in the message, which no argument may fill."""
    try:
        value = kind(text)
        if low <= value and (math.isfinite(value) if high is None else value <= high):
            return value
    except (ValueError, OverflowError):  # a word; or a whole number that no float holds
        pass
    bounds = "of %s or more" % low if high is None else "in %s..%s" % (low, high)
    raise argparse.ArgumentTypeError("expected %s %s, got %.40r" % (noun, bounds, text))
