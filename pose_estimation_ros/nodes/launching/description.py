"""Arguments and what starts by them -> LaunchDescription: what all launch files have in common. Needs launch."""

from typing import Any, Callable, Dict, List

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, OpaqueFunction
from launch_ros.actions import Node

from pose_estimation_ros.nodes.launching.arguments import Argument


def describe(
    arguments: List[Argument], *nodes: Callable[[Dict[str, str]], Dict[str, Any]], actions: Any = ()
) -> LaunchDescription:
    """nodes: functions {argument: text} -> keywords of launch_ros' Node; actions: -> any other actions."""

    def start(context: Any) -> List[Any]:
        values = {argument.name: context.launch_configurations[argument.name] for argument in arguments}
        return [action(values) for action in actions] + [Node(**node(values)) for node in nodes]

    declared = [DeclareLaunchArgument(a.name, default_value=a.default, description=a.description) for a in arguments]
    return LaunchDescription(declared + [OpaqueFunction(function=start)])
