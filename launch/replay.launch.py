"""Play a recording to pose_node on its clock: `ros2 launch pose_estimation_ros replay.launch.py bag:=FOLDER`."""

from launch.actions import ExecuteProcess

from pose_estimation_ros.nodes.launching.arguments import replay_arguments
from pose_estimation_ros.nodes.launching.description import describe
from pose_estimation_ros.nodes.launching.node_keywords import bag_player, pose_node


def play(values):
    """Return the action that plays the recording."""
    return ExecuteProcess(**bag_player(values))


def generate_launch_description():
    """Return the arguments of this launch file and what it starts."""
    return describe(replay_arguments(), pose_node, actions=[play])
