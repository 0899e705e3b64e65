"""video_node with the clip of the demo, and pose_node: `ros2 launch pose_estimation_ros demo.launch.py`."""

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, OpaqueFunction
from launch_ros.actions import Node

from pose_estimation_ros.nodes import launch_arguments

ARGUMENTS = launch_arguments.demo_arguments()


def start(context):
    values = {argument.name: context.launch_configurations[argument.name] for argument in ARGUMENTS}
    return [Node(**launch_arguments.video_node(values)), Node(**launch_arguments.pose_node(values))]


def generate_launch_description():
    declared = [DeclareLaunchArgument(a.name, default_value=a.default, description=a.description) for a in ARGUMENTS]
    return LaunchDescription(declared + [OpaqueFunction(function=start)])
