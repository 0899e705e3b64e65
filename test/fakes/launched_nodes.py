"""Make pose_node as a launch file starts it, but in this process, and show it an image."""

import os
import shlex


def launched_parameters(platform, **arguments):
    """Return {name: value} of the node's parameters: those of the platform's file, then those of the arguments."""
    import yaml

    from pose_estimation_ros.nodes.launching.arguments import pose_arguments
    from pose_estimation_ros.nodes.launching.node_keywords import pose_node

    values = {argument.name: argument.default for argument in pose_arguments(platform)}
    file, *given = pose_node(dict(values, **arguments))["parameters"]
    with open(file) as opened:
        parameters = yaml.safe_load(opened)["/**"]["ros__parameters"]
    for more in given:
        parameters.update(more)
    return parameters


def words_of(command):
    """Split `ros2 launch PACKAGE PLATFORM.launch.py name:=value ...` into the platform and its arguments."""
    _ros2, _launch, _package, file, *given = shlex.split(command.replace("$PWD", os.getcwd()))
    return file[: -len(".launch.py")], dict(word.split(":=", 1) for word in given)


def show(node, frame, topic, kept, wait_until):
    """Publish an image to a node until it answers; return the PersonArray and the Skeleton that it publishes.

    kept and wait_until are the fixtures of test/nodes/conftest.py.
    """
    from pose_estimation_ros.msg import PersonArray, Skeleton
    from rclpy.node import Node
    from rclpy.qos import QoSProfile
    from sensor_msgs.msg import Image
    from std_msgs.msg import Header

    from pose_estimation_ros.nodes.conversions import array_to_image
    from pose_estimation_ros.nodes.qos import LATCHED

    peer, people, skeletons = kept(Node("peer")), [], []
    images = peer.create_publisher(Image, topic, QoSProfile(depth=10))
    peer.create_subscription(PersonArray, "pose/keypoints", people.append, QoSProfile(depth=10))
    peer.create_subscription(Skeleton, "pose/skeleton_info", skeletons.append, LATCHED)
    wait_until(lambda: images.get_subscription_count() and skeletons, node, peer)
    wait_until(lambda: peer.count_publishers("pose/keypoints"), node, peer)
    images.publish(array_to_image(frame, Header(frame_id="camera")))
    wait_until(lambda: people, node, peer)
    return people[0], skeletons[0]
