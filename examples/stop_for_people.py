"""Pass velocity commands on to a robot, and stop it while a person may be nearer than 1 m.

Run pose_node with depth and target_frame:=base_link, and this beside it. It shows how to use the messages, and is no
safety device: python examples/stop_for_people.py --ros-args -r cmd_vel_in:=/nav_vel
"""

import math

import rclpy
from geometry_msgs.msg import Twist
from pose_estimation_ros.msg import Person, PersonArray3D
from rclpy.node import Node

FRAME, NEAR_M, SIGMAS = "base_link", 1.0, 2.0
OLD_S, EARLY_S = 0.5, 0.1  # ages of an image that say nothing of the present: too old, or from the future


def nearest_m(person):  # on the floor, with the uncertainty of the position; NaN where it is not known
    x, y, covariance = person.position.x, person.position.y, person.position_covariance
    distance, squared = math.hypot(x, y), x * x * covariance[0] + 2 * x * y * covariance[1] + y * y * covariance[4]
    return distance - SIGMAS * math.sqrt(squared) / distance if distance > 0 and squared >= 0 else math.nan


class StopForPeople(Node):
    def __init__(self):
        super().__init__("stop_for_people")
        self.stamp_s, self.is_free = 0.0, False
        self.commands = self.create_publisher(Twist, "cmd_vel", 1)
        self.create_subscription(PersonArray3D, "pose/keypoints_3d", self.on_people, 5)
        self.create_subscription(Twist, "cmd_vel_in", self.drive, 1)
        self.create_timer(0.1, lambda: None if self.may_drive() else self.drive(Twist()))

    def on_people(self, people):
        real = [person for person in people.persons if person.state != Person.STATE_TENTATIVE]
        self.is_free = people.header.frame_id == FRAME and all(nearest_m(person) > NEAR_M for person in real)
        self.stamp_s = people.header.stamp.sec + 1e-9 * people.header.stamp.nanosec

    def may_drive(self):
        age_s = 1e-9 * self.get_clock().now().nanoseconds - self.stamp_s
        return self.is_free and -EARLY_S < age_s < OLD_S  # no camera, no drive

    def drive(self, command):
        self.commands.publish(command if self.may_drive() else Twist())


if __name__ == "__main__":
    try:
        rclpy.init()
        rclpy.spin(StopForPeople())
    except (KeyboardInterrupt, rclpy.executors.ExternalShutdownException):
        pass
