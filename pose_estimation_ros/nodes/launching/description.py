"""Make the LaunchDescription of a launch file from its arguments and what it starts; it needs launch."""

from typing import Any, Callable, Dict, List, Optional, Sequence

from launch import LaunchDescription
from launch.actions import (
    DeclareLaunchArgument,
    GroupAction,
    IncludeLaunchDescription,
    OpaqueFunction,
    SetEnvironmentVariable,
    UnsetLaunchConfiguration,
)
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch_ros.actions import Node

from pose_estimation_ros.inference.options import REPLACED
from pose_estimation_ros.nodes.launching.arguments import Argument, warn_of_misspelled
from pose_estimation_ros.nodes.launching.drivers import (
    PREFIX,
    Driver,
    driver_arguments,
    driver_values,
    joined,
    launch_file,
    node_defaults,
)
from pose_estimation_ros.nodes.launching.node_keywords import image_publisher_environment, pose_node
from pose_estimation_ros.nodes.launching.viewers import foxglove_bridge, rviz

PUSHED_NAMESPACE = "ros_namespace"  # launch_ros keeps the namespace of PushRosNamespace under this name
Values = Dict[str, str]
Keywords = Callable[[Values], Optional[Dict[str, Any]]]


def describe(
    arguments: List[Argument], *nodes: Keywords, frame: str = "", actions: Sequence[Callable[[Values], Any]] = ()
) -> LaunchDescription:
    """Describe what a launch file takes and starts; RViz and Foxglove's bridge come with it.

    Args:
        arguments: Arguments of the launch file.
        nodes: Functions from {argument: text} to keywords of launch_ros' Node, or None for no node.
        frame: Frame of the images, "" where it is not known.
        actions: Functions from {argument: text} to any other actions; they start before the nodes.
    """

    def start(context: Any) -> List[Any]:
        values = _values(context, arguments)
        _warn(context, arguments, [])
        values["rviz_frame"] = values["rviz_frame"] or values.get("frame_id") or frame
        return [action(values) for action in actions] + _nodes(values, *nodes, rviz, foxglove_bridge)

    return _description(arguments, start)


def describe_camera(driver: Driver) -> LaunchDescription:
    """Describe the launch file that starts the driver of a camera and pose_node."""
    arguments = driver_arguments(driver)

    def start(context: Any) -> List[Any]:
        values = _values(context, arguments)
        path = launch_file(driver, values)
        camera = driver.camera(
            values, joined(context.launch_configurations.get(PUSHED_NAMESPACE, ""), values["namespace"])
        )
        source = PythonLaunchDescriptionSource(path) if path else None
        declared = source.get_launch_description(context).get_launch_arguments() if source else []
        theirs = [argument.name for argument in declared]
        _warn(context, arguments, theirs)
        given = dict(camera.arguments, **(driver_values(context.launch_configurations, theirs) if source else {}))
        values["rviz_frame"] = values["rviz_frame"] or camera.frame
        nodes = _nodes(values, lambda values: pose_node(values, node_defaults(camera)), rviz, foxglove_bridge)
        return ([_include(source, given, arguments)] if source else []) + nodes

    return _description(arguments, start)


def _description(arguments: List[Argument], start: Callable[[Any], List[Any]]) -> LaunchDescription:
    declared = [DeclareLaunchArgument(a.name, default_value=a.default, description=a.description) for a in arguments]
    return LaunchDescription(declared + [OpaqueFunction(function=start)])


def _values(context: Any, arguments: List[Argument]) -> Values:
    names = [argument.name for argument in arguments] + list(REPLACED)
    return {name: context.launch_configurations[name] for name in names if name in context.launch_configurations}


def _warn(context: Any, arguments: List[Argument], theirs: List[str]) -> None:
    words = [word.partition(":=")[0] for word in context.argv]
    warn_of_misspelled([word for word in words if word not in theirs and not word.startswith(PREFIX)], arguments)


def _nodes(values: Values, *functions: Keywords) -> List[Any]:
    keywords = [function(values) for function in functions]
    return [Node(**words) for words in keywords if words is not None]


def _include(source: Any, given: Dict[str, str], ours: List[Argument]) -> Any:
    """Include a driver's launch file, with the profile of Fast DDS for images.

    Launch files inherit all values of those that include them. Names that mean something else in ours, such as
    params_file, are therefore hidden from the driver's.

    Args:
        source: The launch file.
        given: Values of its arguments.
        ours: Arguments of our launch file.
    """
    hidden = [argument.name for argument in ours] + [PUSHED_NAMESPACE]
    actions = [SetEnvironmentVariable(name, text) for name, text in image_publisher_environment().items()]
    actions += [UnsetLaunchConfiguration(name) for name in hidden]
    return GroupAction(actions + [IncludeLaunchDescription(source, launch_arguments=given.items())])
