"""Declare the nodes' parameters from a table, with ranges, and report names that are not in it."""

import array
import re
from typing import Any, Callable, Container, Dict, List, Optional, Sequence

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor, SetParametersResult
from rclpy.exceptions import InvalidTopicNameException, ParameterException
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.validate_full_topic_name import validate_full_topic_name
from rclpy.validate_topic_name import validate_topic_name

from pose_estimation_ros.core.errors import ConfigError, PoseError, closest_name, shown
from pose_estimation_ros.inference.options import (
    SIMILAR,
    Option,
    check_value,
    expected_text,
    intended_name,
    unknown_text,
    with_new_names,
)
from pose_estimation_ros.nodes.guard import guard_of
from pose_estimation_ros.nodes.qos_overrides import PREFIX as QOS_OVERRIDES

# Declared by rclpy itself.
BUILT_IN = ("use_sim_time", "start_type_description_service")


class ParameterNode(Node):
    """Know all parameters that the user set: in YAML files, on the command line or by a launch file.

    rclpy has no function that lists them, but a node that asks for their automatic declaration gets all of them in a
    call of declare_parameters(). This class keeps what that call says and declares nothing, because such a declaration
    would lack description and range, and would fail at an empty list.

    ``overrides`` has value by name; None stands for an empty list.
    """

    overrides: Optional[Dict[str, Any]] = None

    def __init__(self, name: str, **node_options: Any) -> None:
        """Create the node.

        Args:
            name: Name of the node.
            node_options: Keyword arguments of rclpy's Node.
        """
        super().__init__(name, automatically_declare_parameters_from_overrides=True, **node_options)
        if self.overrides is None:  # Foxy has declared them without that call
            declared = self.get_parameters_by_prefix("").items()
            self.overrides = {known: parameter.value for known, parameter in declared if known not in BUILT_IN}
            for known in self.overrides:
                self.undeclare_parameter(known)

    def declare_parameters(self, namespace: str, parameters: Any, ignore_override: bool = False) -> Any:
        """Keep the user's values when rclpy declares them; declare parameters as rclpy does at all other calls."""
        if self.overrides is None and ignore_override:
            self.overrides = {entry[0]: entry[1] for entry in parameters}
            return []
        return super().declare_parameters(namespace, parameters, ignore_override)


def declare(node: ParameterNode, table: Sequence[Option]) -> Dict[str, Any]:
    """Declare the parameters of a table, and those of qos_overrides that the user set.

    All parameters but the live ones are read-only. A name that nobody knows is refused where it is a misspelling of
    one of the table. Otherwise it belongs to other nodes that share a file, and is logged as a warning.

    Args:
        node: The node.
        table: The parameters.

    Returns:
        The value of each parameter by its name.

    Raises:
        ConfigError: An override (YAML, command line, launch) is misspelled, of a wrong type or out of range.
    """
    names = [parameter.name for parameter in table]
    overrides = with_new_names(dict(node.overrides or {}), node.get_logger().warning, names)
    _look_for_misspellings(node, overrides, names)
    for name in sorted(name for name in overrides if name.startswith(QOS_OVERRIDES)):
        if overrides[name] is None:
            raise ConfigError("parameter %s: expected a value, got nothing" % name)
        node.declare_parameter(name, overrides[name], ParameterDescriptor(read_only=True))
    return {parameter.name: _declare(node, parameter, overrides) for parameter in table}


def follow(
    node: Node, table: Sequence[Option], values: Dict[str, Any], apply: Callable[[Dict[str, Any]], None]
) -> None:
    """Keep the values of the live parameters up to date while the node runs.

    From Iron on, old names of parameters may be set, too.

    Args:
        node: rclpy's Node.
        table: The parameters.
        values: Value of each parameter by its name, which this changes.
        apply: Gets name -> new value first. It refuses them by raising PoseError: no value changes then, and who set
            them gets the reason.
    """
    known = {parameter.name: parameter for parameter in table if parameter.live}
    refused: List[ConfigError] = []  # by before_set, which cannot answer

    def on_set(parameters: List[Any]) -> SetParametersResult:
        try:
            if refused:
                raise refused.pop()
            changes = {p.name: check(known[p.name], p.value) for p in parameters if p.name in known}
            apply(changes)
        except PoseError as error:
            return SetParametersResult(successful=False, reason=str(error))
        values.update(changes)
        return SetParametersResult(successful=True)

    def failed() -> SetParametersResult:
        return SetParametersResult(successful=False, reason="unexpected error, see the log of %s" % node.get_name())

    def before_set(parameters: List[Any]) -> List[Any]:
        try:
            return _renamed(node, parameters, known)
        except ConfigError as error:
            refused.append(error)
            return [Parameter(name, value=values[name]) for name in known]  # ROS asks on_set about these

    node.add_on_set_parameters_callback(guard_of(node).wrap(on_set, failed))
    if hasattr(node, "add_pre_set_parameters_callback"):
        node.add_pre_set_parameters_callback(guard_of(node).wrap(before_set, list))


def _renamed(node: Node, parameters: List[Any], known: Container[str]) -> List[Any]:
    """Return rclpy's parameters by their present names. Raise ConfigError if an old name or its value does not fit."""
    given = {parameter.name: parameter.value for parameter in parameters}
    renewed = with_new_names(given, node.get_logger().warning, known)
    new = [Parameter(name, value=value) for name, value in renewed.items() if name not in given]
    return [parameter for parameter in parameters if parameter.name in renewed] + new


def check(parameter: Option, value: Any) -> Any:
    """Check a value against type, range and choices, and the name of a topic also against ROS's rules.

    rclpy checks types only from Galactic on, and no choices.

    Args:
        parameter: The parameter.
        value: The user's value.

    Returns:
        The value in the parameter's type.

    Raises:
        ConfigError: The value does not fit.
    """
    value = check_value(parameter, value)
    if parameter.topic:
        for topic in [value] if isinstance(value, str) else value:
            _check_topic(parameter, topic)
    return value


def _check_topic(parameter: Option, topic: str) -> None:
    """Raise ConfigError unless the text is a topic's name, or empty where the default is."""
    try:
        if topic or isinstance(parameter.default, list):
            validate_topic_name(topic)
            expanded = re.sub(r"\{\w+\}", "x", topic.replace("~", "/x", 1))
            validate_full_topic_name(expanded if expanded.startswith("/") else "/" + expanded)
    except InvalidTopicNameException as error:
        reason = str(error).splitlines()[0].replace("Invalid topic name: ", "").rstrip(":")
        text = "expected %s to be the name of a topic, got %s: %s"
        raise ConfigError(text % (parameter.name, shown(topic), reason))


def _look_for_misspellings(node: Node, overrides: Dict[str, Any], known: List[str]) -> None:
    """Refuse a name that is a misspelling of a known name, and warn of each other unknown name."""
    for name in sorted(overrides):
        if name in known or name in BUILT_IN or name.startswith(QOS_OVERRIDES):
            continue
        if intended_name(name, known):
            raise ConfigError(unknown_text("parameter", name, known))
        near = closest_name(name, known, SIMILAR)
        hint = ", did you mean %r?" % near if near else ""
        text = "parameter %s is ignored: this node has no such parameter%s"
        node.get_logger().warning(text % (shown(name), hint))


def _declare(node: Node, parameter: Option, overrides: Dict[str, Any]) -> Any:
    """Declare one parameter and return its value. Raise ConfigError where the user's value does not fit."""
    value = overrides.get(parameter.name, parameter.default)
    value = check(parameter, list(value) if isinstance(value, (array.array, tuple)) else value)
    try:
        declared = node.declare_parameter(parameter.name, value, _descriptor(parameter), ignore_override=True).value
    except ParameterException as error:
        message = "expected %s to be %s, got %s (%s)"
        raise ConfigError(message % (parameter.name, expected_text(parameter), shown(value), str(error).strip()))
    return list(declared) if isinstance(parameter.default, list) else declared  # rclpy makes arrays of numbers


def _descriptor(parameter: Option) -> ParameterDescriptor:
    choices = ", ".join(str(choice) for choice in parameter.choices)
    descriptor = ParameterDescriptor(
        description=parameter.description, additional_constraints=choices, read_only=not parameter.live
    )
    if parameter.low is not None and parameter.high is not None:
        if isinstance(parameter.default, float):
            bounds = FloatingPointRange(from_value=float(parameter.low), to_value=float(parameter.high))
            descriptor.floating_point_range = [bounds]
        else:
            whole_bounds = IntegerRange(from_value=int(parameter.low), to_value=int(parameter.high), step=1)
            descriptor.integer_range = [whole_bounds]
    return descriptor
