"""Declare the nodes' parameters from a table, with ranges, and tell the user about names that are not in it."""

import array
import difflib
import re
from typing import Any, Callable, Dict, List, Sequence

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor, SetParametersResult
from rclpy.exceptions import InvalidTopicNameException, ParameterException
from rclpy.node import Node
from rclpy.validate_full_topic_name import validate_full_topic_name
from rclpy.validate_topic_name import validate_topic_name

from pose_estimation_ros.core.errors import ConfigError, PoseError
from pose_estimation_ros.nodes.guard import guard_of
from pose_estimation_ros.nodes.parameter_tables import Parameter
from pose_estimation_ros.nodes.qos_overrides import PREFIX as QOS_OVERRIDES

# Declared by rclpy itself.
BUILT_IN = ("use_sim_time", "start_type_description_service")
SLIP = 0.8  # similarity of two names, 0..1, from which on one is taken for a slip of the other
SIMILAR = 0.65  # from which on the other is worth a hint
LONG_WORD = 6  # letters; a name's last word that long, as of score_threshold, is often taken for the whole


def declare(node: Node, table: Sequence[Parameter]) -> Dict[str, Any]:
    """Declare the parameters of a table, and those of qos_overrides that were given.

    All parameters but the live ones are read-only. A given name that nobody knows is a slip where it resembles one of
    the table, and is refused. Otherwise it belongs to other nodes that share a file, and is logged as a warning.

    Args:
        node: rclpy's Node.
        table: The parameters.

    Returns:
        The value of each parameter by its name.

    Raises:
        ConfigError: An override (YAML, command line, launch) is a slip, of a wrong type or out of range.
    """
    given = _overrides(node)
    _look_for_slips(node, given, [parameter.name for parameter in table])
    for name in sorted(name for name in given if name.startswith(QOS_OVERRIDES)):
        if given[name] is None:
            raise ConfigError("parameter %s: expected a value, got nothing" % name)
        node.declare_parameter(name, given[name], ParameterDescriptor(read_only=True))
    return {parameter.name: _declare(node, parameter, given) for parameter in table}


def _overrides(node: Node) -> Dict[str, Any]:
    """Return name -> value of all parameters that the user gave; None for an empty list.

    rclpy has no public way to list them. Its automatically_declare_parameters_from_overrides fails at the first empty
    list, whoever it is for. Where the private attribute is missing, slips are not noticed and all else works.
    """
    return {name: parameter.value for name, parameter in getattr(node, "_parameter_overrides", {}).items()}


def follow(
    node: Node, table: Sequence[Parameter], values: Dict[str, Any], apply: Callable[[Dict[str, Any]], None]
) -> None:
    """Keeps values of the live parameters up to date while the node runs.

    apply: is given name -> new value first, and refuses them by raising PoseError: then none is changed, and who set
    them gets the reason.
    """
    known = {parameter.name: parameter for parameter in table if parameter.live}

    def on_set(given: List[Any]) -> SetParametersResult:
        changes = {p.name: p.value for p in given if p.name in known}
        try:
            for name, value in changes.items():
                check(known[name], value)
            apply(changes)
        except PoseError as error:
            return SetParametersResult(successful=False, reason=str(error))
        values.update(changes)
        return SetParametersResult(successful=True)

    def failed() -> SetParametersResult:
        return SetParametersResult(successful=False, reason="unexpected error, see the log of %s" % node.get_name())

    node.add_on_set_parameters_callback(guard_of(node).wrap(on_set, failed))


def check(parameter: Parameter, value: Any) -> None:
    """Check a value against the type of the default, the range, the choices and the form of a topic's name.

    rclpy checks types only from Galactic on, and no choices.

    Args:
        parameter: Row of the table.
        value: What the user gave.

    Raises:
        ConfigError: The value does not fit.
    """
    kind = type(parameter.default)
    good = type(value) is kind and (not parameter.choices or value in parameter.choices)
    if good and kind is list:
        good = all(type(item) is type(parameter.default[0]) for item in value)
    if good and parameter.low is not None:
        good = parameter.low <= value <= parameter.high
    if not good:
        raise ConfigError("parameter %s: expected %s, got %.200r" % (parameter.name, _expected(parameter), value))
    if parameter.topic:
        for topic in [value] if isinstance(value, str) else value:
            _check_topic(parameter, topic)


def _check_topic(parameter: Parameter, topic: str) -> None:
    """Raise ConfigError unless the text is a topic's name, or empty where the default is."""
    try:
        if topic or isinstance(parameter.default, list):
            validate_topic_name(topic)
            expanded = re.sub(r"\{\w+\}", "x", topic.replace("~", "/x", 1))
            validate_full_topic_name(expanded if expanded.startswith("/") else "/" + expanded)
    except InvalidTopicNameException as error:
        reason = str(error).splitlines()[0].replace("Invalid topic name: ", "").rstrip(":")
        raise ConfigError(
            "parameter %s: expected the name of a topic, got %.200r: %s" % (parameter.name, topic, reason)
        )


def _expected(parameter: Parameter) -> str:
    if parameter.choices:
        return "one of %s" % ", ".join(str(choice) for choice in parameter.choices)
    if isinstance(parameter.default, list):
        return "a list of %s" % type(parameter.default[0]).__name__
    kind = type(parameter.default).__name__
    return kind if parameter.low is None else "%s in %s..%s" % (kind, parameter.low, parameter.high)


def _look_for_slips(node: Node, given: Dict[str, Any], known: List[str]) -> None:
    """Refuse a name that resembles one of the known names, and warn of each other unknown name."""
    for name in sorted(given):
        if name in known or name in BUILT_IN or name.startswith(QOS_OVERRIDES):
            continue
        meant = _meant(name, known)
        if meant:
            text = "unknown parameter %.200r; did you mean %r? known: %s"
            raise ConfigError(text % (name, meant, ", ".join(sorted(known))))
        near = difflib.get_close_matches(name, known, 1, SIMILAR)
        hint = ", did you mean %r?" % near[0] if near else ""
        node.get_logger().warning("parameter %.200r is ignored: this node has no such parameter%s" % (name, hint))


def _meant(name: str, known: List[str]) -> str:
    """Return the known name of which this one is a slip, or "" where it is a name of somebody else."""
    words = {known_name.split("_")[-1]: known_name for known_name in known}
    words = {word: known_name for word, known_name in words.items() if len(word) >= LONG_WORD}
    words.update((known_name, known_name) for known_name in known)
    near = difflib.get_close_matches(name, list(words), 1, SLIP)
    return words[near[0]] if near else ""


def _declare(node: Node, parameter: Parameter, given: Dict[str, Any]) -> Any:
    """Declare one parameter; a whole number will do for a float, and for a text that may be one. Raises ConfigError."""
    value = given.get(parameter.name, parameter.default)
    if isinstance(parameter.default, float) and type(value) is int:
        value = float(value)
    if parameter.number_too and type(value) is int:
        value = str(value)  # `-p source:=0` means the camera "0"
    check(parameter, list(value) if isinstance(value, (array.array, tuple)) else value)
    try:
        found = node.declare_parameter(parameter.name, value, _descriptor(parameter), ignore_override=True).value
    except ParameterException as error:
        message = "parameter %s: expected %s, got %.200r (%s)"
        raise ConfigError(message % (parameter.name, _expected(parameter), value, str(error).strip()))
    return list(found) if isinstance(parameter.default, list) else found  # rclpy makes arrays of numbers


def _descriptor(parameter: Parameter) -> ParameterDescriptor:
    choices = ", ".join(str(choice) for choice in parameter.choices)
    descriptor = ParameterDescriptor(
        description=parameter.description, additional_constraints=choices, read_only=not parameter.live
    )
    if parameter.low is not None:
        if isinstance(parameter.default, float):
            bounds = FloatingPointRange(from_value=float(parameter.low), to_value=float(parameter.high))
            descriptor.floating_point_range = [bounds]
        else:
            descriptor.integer_range = [IntegerRange(from_value=parameter.low, to_value=parameter.high, step=1)]
    return descriptor
