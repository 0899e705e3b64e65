"""Check the fields of settings, such as those of a Prediction, by rules before the work begins."""

import math
import numbers
import os
from typing import Any, Callable, Dict, Iterable, Mapping, NamedTuple, Optional, Tuple

from pose_estimation_ros.core.errors import ConfigError, shown

# What a value has to be an instance of, by the type that it stands for, and the words for it.
ACCEPTED: Dict[type, type] = {bool: bool, int: numbers.Integral, float: numbers.Real, str: str}
WORDS = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}
NULL = chr(0)  # no name of a file and no topic has this character


class Rule(NamedTuple):
    """Describe which values a field takes.

    Attributes:
        expected: Words for these values, such as "a whole number in 1..1024".
        convert: Function that returns a value in its final form; it raises TypeError, ValueError or OverflowError where
            the value is not what is expected, or a ConfigError with a message of its own.
        is_list: Whether the value is a list.
    """

    expected: str
    convert: Callable[[Any], Any]
    is_list: bool = False


def check_fields(fields: Mapping[str, Any], rules: Mapping[str, Rule]) -> Dict[str, Any]:
    """Check the fields of settings.

    Args:
        fields: Value by the name of the field.
        rules: Rule by the name of the field. A field without a rule is left out.

    Returns:
        The values in their final form: paths are texts, lists are tuples, numbers are Python's.

    Raises:
        ConfigError: A value does not fit; the message names the first such field.
    """
    return {name: check_field(name, fields[name], rule) for name, rule in rules.items()}


def check_field(name: str, value: Any, rule: Rule) -> Any:
    """Return the value of a field in its final form.

    Args:
        name: Name of the field.
        value: The user's value.
        rule: The rule that the value has to follow.

    Raises:
        ConfigError: The value does not fit.
    """
    try:
        return rule.convert(value)
    except (TypeError, ValueError, OverflowError):
        is_single = rule.is_list and isinstance(value, (str, os.PathLike))
        hint = "; did you mean [%s]?" % shown(value) if is_single else ""
        raise ConfigError("expected %s to be %s, got %s%s" % (name, rule.expected, shown(value), hint))


def is_a(kind: type, value: object) -> bool:
    """Tell whether a value has a type; true and false are no numbers, and NumPy's numbers are numbers.

    Args:
        kind: bool, int, float or str.
        value: A value of any type.
    """
    return isinstance(value, ACCEPTED[kind]) and (kind is bool or not isinstance(value, bool))


def whole(low: int, high: Optional[int] = None) -> Rule:
    """Make the rule of a whole number.

    Args:
        low: Smallest value.
        high: Largest value, None where there is no limit.
    """
    return _in_range(int, low, high)


def number(low: float, high: Optional[float] = None) -> Rule:
    """Make the rule of a finite number.

    Args:
        low: Smallest value.
        high: Largest value, None where there is no limit.
    """
    return _in_range(float, low, high)


def one_of(choices: Iterable[str]) -> Rule:
    """Make the rule of a text that is one of these."""
    known = tuple(choices)
    return Rule("one of %s" % ", ".join(known), lambda value: known[known.index(_of_kind(str, value))])


def optional(rule: Rule) -> Rule:
    """Make the rule of a value that may also be None."""

    def convert(value: Any) -> Any:
        return None if value is None else rule.convert(value)

    return rule._replace(expected=rule.expected + ", or None", convert=convert)


def list_of(rule: Rule) -> Rule:
    """Make the rule of a list, or anything else with items except a single text, whose items follow a rule."""

    def convert(value: Any) -> Tuple[Any, ...]:
        if isinstance(value, (str, bytes, os.PathLike, Mapping)):
            raise TypeError
        return tuple(rule.convert(item) for item in value)

    return Rule("a list, each item %s" % rule.expected, convert, is_list=True)


def _in_range(kind: type, low: float, high: Optional[float]) -> Rule:
    """Make the rule of a finite number of a kind, int or float."""
    bounds = "of %s or more" % low if high is None else "in %s..%s" % (low, high)
    limit = math.inf if high is None else high

    def convert(value: Any) -> Any:
        if not low <= _of_kind(kind, value) <= limit or value == math.inf:
            raise ValueError
        return kind(value)

    return Rule("%s %s" % (WORDS[kind], bounds), convert)


def _of_kind(kind: type, value: Any) -> Any:
    if not is_a(kind, value):
        raise TypeError
    return value


def _text(value: Any) -> str:
    if NULL in _of_kind(str, value):
        raise ValueError
    return str(value)


TRUE_OR_FALSE = Rule(WORDS[bool], lambda value: _of_kind(bool, value))
NUMBER = Rule(WORDS[float], lambda value: float(_of_kind(float, value)))
TEXT = Rule("a text without null characters", _text)
PATH = Rule("a name or path", lambda value: _text(os.fspath(value)))
