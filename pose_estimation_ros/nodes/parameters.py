"""Parameters of the nodes: declared from a table, with ranges; what is not in the table is refused."""

import difflib
from typing import Any, Callable, Dict, List, Sequence

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor, SetParametersResult
from rclpy.exceptions import ParameterException
from rclpy.node import Node
from rclpy.parameter import Parameter as RclpyParameter

from pose_estimation_ros.core.errors import ConfigError, PoseError
from pose_estimation_ros.nodes.parameter_tables import Parameter

# Declared by rclpy itself.
BUILT_IN = ("use_sim_time", "start_type_description_service")


def declare(node, table):
    # type: (Node, Sequence[Parameter]) -> Dict[str, Any]
    """Declares the parameters and returns name -> value; all but the live ones are read-only.

    Raises ConfigError for an override (YAML, command line, launch) that is unknown, of a wrong type or out of range.
    """
    _refuse_unknown(node, [parameter.name for parameter in table])
    return {parameter.name: _declare(node, parameter) for parameter in table}


def follow(node, table, values, apply):
    # type: (Node, Sequence[Parameter], Dict[str, Any], Callable[[Dict[str, Any]], None]) -> None
    """Keeps values of the live parameters up to date while the node runs.

    apply: is given name -> new value first, and refuses them by raising PoseError: then none is changed, and who set
    them gets the reason.
    """
    known = {parameter.name: parameter for parameter in table if parameter.live}

    def on_set(given):
        # type: (List[Any]) -> SetParametersResult
        changes = {p.name: p.value for p in given if p.name in known}
        try:
            for name, value in changes.items():
                check(known[name], value)
            apply(changes)
        except PoseError as error:
            return SetParametersResult(successful=False, reason=str(error))
        values.update(changes)
        return SetParametersResult(successful=True)

    node.add_on_set_parameters_callback(on_set)


def check(parameter, value):
    # type: (Parameter, Any) -> None
    """Raises ConfigError unless the value has the type of the default, is in range and one of the choices.

    rclpy checks types only from Galactic on, and no choices.
    """
    kind = type(parameter.default)
    good = type(value) is kind and (not parameter.choices or value in parameter.choices)
    if good and parameter.low is not None:
        good = parameter.low <= value <= parameter.high
    if not good:
        raise ConfigError("parameter %s: expected %s, got %r" % (parameter.name, _expected(parameter), value))


def _expected(parameter):
    # type: (Parameter) -> str
    if parameter.choices:
        return "one of %s" % ", ".join(str(choice) for choice in parameter.choices)
    kind = type(parameter.default).__name__
    return kind if parameter.low is None else "%s in %s..%s" % (kind, parameter.low, parameter.high)


def _refuse_unknown(node, known):
    # type: (Node, Sequence[str]) -> None
    for name in node._parameter_overrides:  # rclpy has no public way to see what was given but never declared
        if name not in known and name not in BUILT_IN and not name.startswith("qos_overrides."):
            near = difflib.get_close_matches(name, known, 1)
            hint = "did you mean %r? " % near[0] if near else ""
            raise ConfigError("unknown parameter %r; %sknown: %s" % (name, hint, ", ".join(sorted(known))))


def _declare(node, parameter):
    # type: (Node, Parameter) -> Any
    _number_to_text(node, parameter)
    try:
        value = node.declare_parameter(parameter.name, parameter.default, _descriptor(parameter)).value
    except ParameterException as error:
        given = node._parameter_overrides[parameter.name].value
        message = "parameter %s: expected %s, got %r (%s)"
        raise ConfigError(message % (parameter.name, _expected(parameter), given, str(error).strip()))
    value = list(value) if isinstance(parameter.default, list) else value  # rclpy makes arrays of numbers
    check(parameter, value)
    return value


def _number_to_text(node, parameter):
    # type: (Node, Parameter) -> None
    """Make a text of a whole number where that may be given: `-p source:=0` means the camera "0"."""
    given = node._parameter_overrides.get(parameter.name)
    if parameter.number_too and given is not None and type(given.value) is int:
        node._parameter_overrides[parameter.name] = RclpyParameter(parameter.name, value=str(given.value))


def _descriptor(parameter):
    # type: (Parameter) -> ParameterDescriptor
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
