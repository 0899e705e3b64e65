"""Read the options of a pipeline as its node takes them: a ROS parameter file, and -p NAME:=VALUE over it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from pose_estimation_ros.core.errors import ConfigError, shown
from pose_estimation_ros.datasets.notes import warn
from pose_estimation_ros.importing.yaml_files import parse_yaml, read_yaml
from pose_estimation_ros.inference.options import (
    DEFAULTS,
    OPTIONS,
    PipelineOptions,
    intended_name,
    make_options,
    unknown_text,
    with_new_names,
)

NODE = "pose_node"
MAX_NAMESPACES = 10


def read_options(config: str | None, parameters: Sequence[str]) -> tuple[PipelineOptions, list[str]]:
    """Read the options from a parameter file and from the command line, which wins.

    The detector always runs before the poses of an image, so that a bag gives the same results in each run.

    Args:
        config: Path of a ROS parameter file, None where there is none.
        parameters: Texts NAME:=VALUE.

    Returns:
        The options, and the names of parameters that only the node uses.

    Raises:
        ConfigError: The file does not exist or has no parameters of the node, an option has another type or is out of
            range, or a name is a misspelling of an option's.
    """
    values = dict(read_parameters(config)) if config else {}
    values.update(map(parse_parameter, parameters))
    values = with_new_names(values, warn)
    for name in values:
        refuse_misspelled(name)
    of_pipeline = {name: value for name, value in values.items() if name in OPTIONS}
    options = make_options(of_pipeline, DEFAULTS)._replace(background_detector=False)
    return options, [name for name in values if name not in OPTIONS]


def read_parameters(path: str) -> dict[str, Any]:
    """Read the parameters of pose_node from a ROS parameter file; its own go before those of all nodes (/**)."""
    sections = list(node_parameters(read_yaml(path), ""))
    if not sections:
        raise ConfigError(f"{path}: expected ros__parameters of /** or {NODE}")
    ordered = sorted(sections, key=lambda section: not section[0].endswith("*"))
    return {name: value for _node, values in ordered for name, value in values.items()}


def node_parameters(content: Any, node: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (name of the node or wildcard, its parameters) wherever they fit our node.

    Args:
        content: Content of the file under the node's name; namespaces may be nested.
        node: The name so far, such as /robot/pose_node.
    """
    if node.count("/") > MAX_NAMESPACES:
        raise ConfigError(f"expected at most {MAX_NAMESPACES} nested namespaces in a parameter file, got more")
    for key, value in content.items() if isinstance(content, dict) else ():
        if key == "ros__parameters" and isinstance(value, dict) and node.split("/")[-1] in (NODE, "*", "**"):
            yield node, value
        elif key != "ros__parameters":
            yield from node_parameters(value, f"{node}/{key}")


def parse_parameter(parameter: str) -> tuple[str, Any]:
    """Parse ``NAME:=VALUE`` as `ros2 run` takes it; the value is YAML."""
    name, sign, value = parameter.partition(":=")
    if not sign:
        raise ConfigError(f"expected -p NAME:=VALUE, got {parameter}")
    return name, parse_yaml(value, f"-p {parameter}")


def refuse_misspelled(name: Any) -> None:
    """Raise ConfigError for a name that is no text, or a misspelling of an option's."""
    if not isinstance(name, str):
        raise ConfigError(f"expected names of parameters, got {shown(name)}")
    if name not in OPTIONS and intended_name(name, OPTIONS):
        raise ConfigError(unknown_text("parameter", name, OPTIONS))
