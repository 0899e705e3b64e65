"""Play a recording of people in space to a controller, and compare what it lets a robot do."""

import subprocess
import time

import numpy as np
from ros_domains import next_domain

TIMEOUT_S, SPEED = 60, 0.5
NONE, TENTATIVE, CONFIRMED, LOST = range(4)
BEFORE_1970 = float("inf")  # an age
# What is recorded: state, x, y and standard deviation in m of each person; frame, age in s; whether the robot drives. A
# deviation below 0 stands for a variance below 0, which no position has.
CASES = [
    ([], "base_link", 0.0, True),
    ([(CONFIRMED, 3.0, 0.0, 0.1)], "base_link", 0.0, True),
    ([(CONFIRMED, 0.8, 0.0, 0.05)], "base_link", 0.0, False),
    ([(CONFIRMED, 0.0, -0.8, 0.05)], "base_link", 0.0, False),
    ([(TENTATIVE, 0.8, 0.0, 0.05), (CONFIRMED, 2.0, 2.0, 0.1)], "base_link", 0.0, True),
    ([(CONFIRMED, 3.0, 0.0, 0.1), (CONFIRMED, 1.3, 0.0, 0.3)], "base_link", 0.0, False),
    ([(CONFIRMED, np.nan, np.nan, np.nan)], "base_link", 0.0, False),
    ([(CONFIRMED, 0.0, 0.0, 0.1)], "base_link", 0.0, False),
    ([(CONFIRMED, 3.0, 0.0, np.nan)], "base_link", 0.0, False),
    ([(CONFIRMED, 3.0, 0.0, np.inf)], "base_link", 0.0, False),
    ([(CONFIRMED, 3.0, 0.0, -0.1)], "base_link", 0.0, False),
    ([(CONFIRMED, np.inf, 0.0, 0.1)], "base_link", 0.0, False),
    ([(LOST, 0.8, 0.0, 0.05)], "base_link", 0.0, False),
    ([(NONE, 0.8, 0.0, 0.05)], "base_link", 0.0, False),
    ([(200, 0.8, 0.0, 0.05)], "base_link", 0.0, False),
    ([], "camera", 0.0, False),
    ([], "base_link", 5.0, False),
    ([], "base_link", -5.0, False),
    ([], "base_link", -3600.0, False),
    ([], "base_link", BEFORE_1970, False),
]


def record(path):
    """Write a bag with one message for each case, a second apart."""
    from pose_estimation_ros.evaluation.bag.files.message_types import header, messages
    from pose_estimation_ros.evaluation.bag.files.writer import BagWriter

    kinds = messages()
    with BagWriter(path) as bag:
        for second, (people, frame, _age_s, _drives) in enumerate(CASES):
            persons = [
                kinds.Person3D(
                    state=state,
                    position=kinds.Point(x=x, y=y, z=0.9),
                    position_covariance=np.diag([sigma * abs(sigma)] * 3).ravel(),
                )
                for state, x, y, sigma in people
            ]
            stamp_ns = second * 10**9
            message = kinds.PersonArray3D(header=header(stamp_ns, frame), persons=persons)
            bag.write("/pose/keypoints_3d", message, stamp_ns)


def recorded(path):
    """Return the messages of the bag as those of rclpy."""
    from pose_estimation_ros.msg import PersonArray3D
    from rclpy.serialization import deserialize_message
    from rosbags.rosbag2 import Reader

    with Reader(path) as reader:
        return [deserialize_message(bytes(data), PersonArray3D) for _connection, _time, data in reader.messages()]


class Robot:
    """Give commands to drive, play people, and see which commands come through."""

    def __init__(self, node):
        from geometry_msgs.msg import Twist
        from pose_estimation_ros.msg import PersonArray3D

        self.node, self.speeds = node, []
        self.people = node.create_publisher(PersonArray3D, "pose/keypoints_3d", 5)
        self.commands = node.create_publisher(Twist, "cmd_vel_in", 1)
        node.create_subscription(Twist, "cmd_vel", lambda twist: self.speeds.append(twist.linear.x), 10)
        self.command = Twist()
        self.command.linear.x = SPEED

    def stamp(self, age_s):
        """Return the time that was so many seconds ago."""
        from builtin_interfaces.msg import Time
        from rclpy.duration import Duration

        if age_s == BEFORE_1970:
            return Time(sec=-5)
        return (self.node.get_clock().now() - Duration(seconds=age_s)).to_msg()

    def settles(self, message, age_s, drives, executor):
        """Return whether the robot drives or stops, as expected, for ten commands in a row."""
        del self.speeds[:]
        deadline_s = time.monotonic() + TIMEOUT_S
        while time.monotonic() < deadline_s:
            if message is not None:
                message.header.stamp = self.stamp(age_s)
                self.people.publish(message)
            self.commands.publish(self.command)
            executor.spin_once(timeout_sec=0.02)
            if len(self.speeds) >= 10 and set(self.speeds[-10:]) == {SPEED if drives else 0.0}:
                return True
        return False


def check_controller(command, environment, path):
    """Run a controller and check all cases; before each one the robot drives, and in the end nothing comes any more."""
    import rclpy
    from rclpy.executors import SingleThreadedExecutor
    from rclpy.node import Node

    record(path)
    domain, context = next_domain(), rclpy.Context()
    rclpy.init(args=[], context=context, domain_id=domain)
    variables = dict(environment, ROS_DOMAIN_ID=str(domain), ROS_AUTOMATIC_DISCOVERY_RANGE="LOCALHOST")
    process = subprocess.Popen(command, env=variables)
    try:
        robot, executor = Robot(Node("robot", context=context)), SingleThreadedExecutor(context=context)
        executor.add_node(robot.node)
        messages = recorded(path)
        for message, case in zip(messages, CASES):
            assert robot.settles(messages[0], 0.0, True, executor), "does not drive although nobody is there"
            assert robot.settles(message, case[2], case[3], executor), case
        assert robot.settles(messages[0], 0.0, True, executor)
        assert robot.settles(None, 0.0, False, executor), "drives although nothing comes any more"
        assert process.poll() is None
    finally:
        process.terminate()
        process.wait(TIMEOUT_S)
        rclpy.shutdown(context=context)
