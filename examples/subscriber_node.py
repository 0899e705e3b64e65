"""Subscribe to the keypoints of pose_node and log the position of every right wrist.

Run, while pose_node runs: python examples/subscriber_node.py [--ros-args -r __ns:=/namespace_of_pose_node]
"""

import rclpy
from pose_estimation_ros.msg import PersonArray, Skeleton
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile

LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)  # sent once, also to later subscribers
JOINT = "right_wrist"


class PoseListener(Node):
    def __init__(self):
        super().__init__("pose_listener")
        self.wrist, self.skeleton = None, ""  # index of the joint in Person.keypoints, in the skeleton of this name
        self.create_subscription(Skeleton, "pose/skeleton_info", self.on_skeleton, LATCHED)
        self.create_subscription(PersonArray, "pose/keypoints", self.on_people, 5)

    def on_skeleton(self, skeleton):
        names, self.skeleton = list(skeleton.keypoints), skeleton.name
        self.wrist = names.index(JOINT) if JOINT in names else None  # depends on the model
        if self.wrist is None:
            self.get_logger().error(f"skeleton {skeleton.name} has no {JOINT}, only {', '.join(names)}")

    def on_people(self, people):
        if self.wrist is None or people.skeleton != self.skeleton:  # of another model, which is described in a moment
            return
        for person in people.persons:
            joint = person.keypoints[self.wrist]
            if joint.score > 0:  # 0: not found
                self.get_logger().info(f"person {person.track_id}: wrist at {joint.x:.0f}, {joint.y:.0f} px")


try:
    rclpy.init()
    rclpy.spin(PoseListener())
except (KeyboardInterrupt, rclpy.executors.ExternalShutdownException):
    pass
