"""Run the pose node with TF that the rig publishes, where tf2_ros is not installed, too.

The stand-in of test/fakes takes its place. Its transforms come as single messages, because tf2_msgs is also missing.
"""

import sys

import tf2_ros_fake
from geometry_msgs.msg import TransformStamped
from rclpy.qos import QoSProfile

from faults.camera import TF
from pose_estimation_ros.nodes import pose_node


class Listener(tf2_ros_fake.TransformListener):
    """Put what the rig publishes into the buffer, as tf2_ros does with /tf."""

    def __init__(self, buffer, node):
        """Subscribe."""
        super().__init__(buffer, node)
        node.create_subscription(TransformStamped, TF, self._on_transform, QoSProfile(depth=100))

    def _on_transform(self, message):
        self.buffer.set_transform(message, "rig")


def main():
    """Run the node with the stand-in for tf2_ros."""
    tf2_ros_fake.TransformListener = Listener
    sys.modules["tf2_ros"] = tf2_ros_fake
    return pose_node.main()


if __name__ == "__main__":
    sys.exit(main())
