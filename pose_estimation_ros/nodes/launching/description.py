"""Make the LaunchDescription of a launch file from its arguments and what it starts; it needs launch."""

from typing import Any, Callable, Dict, List, Sequence

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, OpaqueFunction
from launch_ros.actions import Node

from pose_estimation_ros.inference.options import REPLACED
from pose_estimation_ros.nodes.launching.arguments import Argument, warn_of_misspelled


def describe(
    arguments: List[Argument],
    *nodes: Callable[[Dict[str, str]], Dict[str, Any]],
    actions: Sequence[Callable[[Dict[str, str]], Any]] = (),
) -> LaunchDescription:
    """Describe what a launch file takes and starts.

    Args:
        arguments: Arguments of the launch file.
        nodes: Functions from {argument: text} to keywords of launch_ros' Node.
        actions: Functions from {argument: text} to any other actions; they start before the nodes.
    """

    def start(context: Any) -> List[Any]:
        warn_of_misspelled([word.partition(":=")[0] for word in context.argv], arguments)
        names = [argument.name for argument in arguments] + list(REPLACED)
        values = {name: context.launch_configurations[name] for name in names if name in context.launch_configurations}
        return [action(values) for action in actions] + [Node(**node(values)) for node in nodes]

    declared = [DeclareLaunchArgument(a.name, default_value=a.default, description=a.description) for a in arguments]
    return LaunchDescription(declared + [OpaqueFunction(function=start)])
