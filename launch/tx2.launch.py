"""pose_node with config/tx2.yaml: `ros2 launch pose_estimation_ros tx2.launch.py --show-args`."""

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, OpaqueFunction
from launch_ros.actions import Node

from pose_estimation_ros.nodes import launch_arguments

ARGUMENTS = launch_arguments.pose_arguments("tx2")


def start(context):
    values = {argument.name: context.launch_configurations[argument.name] for argument in ARGUMENTS}
    return [Node(**launch_arguments.pose_node(values))]


def generate_launch_description():
    declared = [DeclareLaunchArgument(a.name, default_value=a.default, description=a.description) for a in ARGUMENTS]
    return LaunchDescription(declared + [OpaqueFunction(function=start)])
