"""RViz markers as rclpy's messages; what they show is in messages.markers."""

import functools
from types import SimpleNamespace

from builtin_interfaces.msg import Duration
from geometry_msgs.msg import Point
from std_msgs.msg import ColorRGBA
from visualization_msgs.msg import Marker, MarkerArray

from pose_estimation_ros.messages import markers

MESSAGES = SimpleNamespace(Duration=Duration, Point=Point, ColorRGBA=ColorRGBA, Marker=Marker, MarkerArray=MarkerArray)

MarkerMaker = functools.partial(markers.MarkerMaker, MESSAGES)
