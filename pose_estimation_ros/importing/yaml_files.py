"""Read YAML files; no other file of this package does."""

import math
import re
from typing import Any, Dict, Type

from pose_estimation_ros.core.atomic_files import FilePath
from pose_estimation_ros.core.errors import ConfigError, PoseError, reason_of

NESTED_DEEP = re.compile(r"(?:[\[{]\s*){100}")  # PyYAML takes seconds for these before it gives up
MOST_VALUES = 1000000  # with aliases a file of 1 kB can stand for more values than a message or a loop can take


def read_yaml(path: FilePath, error: Type[PoseError] = ConfigError) -> Any:
    """Read the content of a YAML file.

    Args:
        path: the file, in UTF-8.
        error: class of the exception to raise.

    Raises:
        error: the file cannot be read, is not UTF-8, is not YAML, is nested too deep, or PyYAML is not installed.
    """
    try:
        with open(str(path), encoding="utf-8") as file:
            text = file.read()
    except (OSError, ValueError) as problem:  # ValueError: not UTF-8, or a path with a zero byte
        reason = getattr(problem, "strerror", None) or problem
        raise error("%s: expected a YAML file in UTF-8, got: %s" % (path, reason)) from problem
    return parse_yaml(text, str(path), error)


def parse_yaml(text: str, where: str, error: Type[PoseError] = ConfigError) -> Any:
    """Parse YAML.

    Args:
        text: the YAML.
        where: name of its origin, for messages.
        error: class of the exception to raise.

    Raises:
        error: the text is not YAML, is nested too deep, or stands for too many values, or PyYAML is not installed.
    """
    try:
        import yaml  # here, as a robot that only runs models may lack it
    except ImportError as problem:
        raise error("%s: expected PyYAML, which reads YAML, to be installed: pip install pyyaml" % where) from problem
    if NESTED_DEEP.search(text):
        raise error("%s: expected YAML, got: lists or mappings nested too deep" % where)
    try:
        # Counted before it is built, as `<<: [*a, *a]` copies what it names.
        number = _number_of_values(yaml.compose(text, Loader=yaml.SafeLoader), {})
        content = yaml.safe_load(text) if number <= MOST_VALUES else None
    except RecursionError:
        raise error("%s: expected YAML, got: lists or mappings nested too deep" % where)
    except Exception as problem:  # PyYAML lets through what its constructors raise, such as IndexError for "!!int"
        raise error("%s: expected YAML, got: %s" % (where, reason_of(problem))) from problem
    if number > MOST_VALUES:
        raise error("%s: expected YAML of at most %d values, got aliases that stand for more" % (where, MOST_VALUES))
    return content


def _number_of_values(node: Any, known: Dict[int, float]) -> float:
    """Count values, those that aliases repeat as often as they do; infinity for one that contains itself.

    Args:
        node: node of PyYAML: a scalar, a list of nodes, or a mapping as a list of pairs of nodes.
        known: numbers of the lists and mappings that were counted, by their identity.
    """
    parts = getattr(node, "value", "")
    if not isinstance(parts, list):
        return 1
    if id(node) not in known:
        known[id(node)] = math.inf
        nodes = [part for item in parts for part in (item if isinstance(item, tuple) else (item,))]
        known[id(node)] = 1 + sum(_number_of_values(part, known) for part in nodes)
    return known[id(node)]
