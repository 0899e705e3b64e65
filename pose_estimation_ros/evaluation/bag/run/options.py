"""The options of a pipeline as its node gets them: a parameter file of ROS, and -p NAME:=VALUE over it."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from typing import Any

from pose_estimation_ros.core.errors import ConfigError
from pose_estimation_ros.datasets.yaml_files import parse_yaml, read_yaml
from pose_estimation_ros.inference.options import PipelineOptions, check_options

NODE = "pose_node"
DEFAULTS = PipelineOptions()
MOST_NAMESPACES = 10
ALIKE = 0.8  # of two names, 0..1: more is taken for a slip of the pen


def read_options(config: str | None, parameters: Sequence[str]) -> tuple[PipelineOptions, list[str]]:
    """The options, and the names of parameters that only the node has a use for.

    Raises ConfigError: no such file or no parameters of the node in it, an option of another type or out of range, a
    name much like an option's.
    """
    values = dict(parameters_of(config)) if config else {}
    values.update(map(parsed, parameters))
    others = [name for name in values if name not in PipelineOptions._fields]
    for name in others:
        refuse_misspelled(name)
    options = DEFAULTS._replace(**{name: checked(name, value) for name, value in values.items() if name not in others})
    check_options(options)
    return options, others


def parameters_of(path: str) -> dict[str, Any]:
    """Of pose_node in a ROS parameter file; what is said of the node itself goes before what is said of all (/**)."""
    found = list(node_parameters(read_yaml(path), ""))
    if not found:
        raise ConfigError(f"{path}: expected ros__parameters of /** or {NODE}")
    ordered = sorted(found, key=lambda entry: not entry[0].endswith("*"))
    return {name: value for _node, own in ordered for name, value in own.items()}


def node_parameters(content: Any, node: str) -> Iterator[tuple[str, dict]]:
    """(name of the node or wildcard, its parameters) wherever they fit our node; namespaces may be nested."""
    if node.count("/") > MOST_NAMESPACES:
        raise ConfigError(f"expected at most {MOST_NAMESPACES} nested namespaces in a parameter file, got more")
    for key, value in content.items() if isinstance(content, dict) else ():
        if key == "ros__parameters" and isinstance(value, dict) and node.split("/")[-1] in (NODE, "*", "**"):
            yield node, value
        elif key != "ros__parameters":
            yield from node_parameters(value, f"{node}/{key}")


def parsed(parameter: str) -> tuple[str, Any]:
    """``NAME:=VALUE`` as `ros2 run` takes it; the value is YAML."""
    name, sign, value = parameter.partition(":=")
    if not sign:
        raise ConfigError(f"expected -p NAME:=VALUE, got {parameter}")
    return name, parse_yaml(value, f"-p {parameter}")


def refuse_misspelled(name: Any) -> None:
    """Raise ConfigError for a name that is no text, or much like an option's."""
    if not isinstance(name, str):
        raise ConfigError(f"expected names of parameters, got {name!r}")
    near = difflib.get_close_matches(name, PipelineOptions._fields, 1, ALIKE)
    if near:
        raise ConfigError(f"unknown parameter {name!r}; did you mean {near[0]!r}?")


def checked(name: str, value: Any) -> Any:
    wanted = type(getattr(DEFAULTS, name))
    if wanted is float and type(value) is int and abs(value) < 2**63:
        value = float(value)
    if type(value) is not wanted:
        raise ConfigError(f"parameter {name}: expected {wanted.__name__}, got {value!r}")
    return value
