"""Pass velocity commands on to a robot, and stop it while a person may be nearer than 1 m.

Run pose_node with depth and target_frame:=base_link, and this beside it. It shows how to use the messages, and is no
safety device: python examples/stop_for_people.py --ros-args -r cmd_vel_in:=/nav_vel
"""

import math

import rclpy
from geometry_msgs.msg import Twist
from pose_estimation_ros.msg import Person, PersonArray3D
from rclpy.node import Node
from rclpy.time import Time

FRAME, NEAR_M, OLD_S, SIGMAS = "base_link", 1.0, 0.5, 2.0


def nearest_m(person):  # on the floor, with the uncertainty of the position; NaN where it is not known
    x, y, covariance = person.position.x, person.position.y, person.position_covariance
    squared = x * x * covariance[0] + 2 * x * y * covariance[1] + y * y * covariance[4]
    return math.hypot(x, y) - SIGMAS * math.sqrt(squared) / math.hypot(x, y) if x or y else 0.0


class StopForPeople(Node):
    def __init__(self):
        super().__init__("stop_for_people")
        self.stamp, self.is_free = self.get_clock().now(), False
        self.commands = self.create_publisher(Twist, "cmd_vel", 1)
        self.create_subscription(PersonArray3D, "pose/keypoints_3d", self.on_people, 5)
        self.create_subscription(Twist, "cmd_vel_in", self.drive, 1)
        self.create_timer(0.1, lambda: None if self.may_drive() else self.drive(Twist()))

    def on_people(self, people):
        real = [p for p in people.persons if p.state in (Person.STATE_CONFIRMED, Person.STATE_LOST)]
        self.is_free = people.header.frame_id == FRAME and all(nearest_m(person) > NEAR_M for person in real)
        self.stamp = Time.from_msg(people.header.stamp)

    def may_drive(self):
        age_s = 1e-9 * (self.get_clock().now() - self.stamp).nanoseconds
        return self.is_free and age_s < OLD_S  # no camera, no drive

    def drive(self, command):
        self.commands.publish(command if self.may_drive() else Twist())


if __name__ == "__main__":
    try:
        rclpy.init()
        rclpy.spin(StopForPeople())
    except (KeyboardInterrupt, rclpy.executors.ExternalShutdownException):
        pass
