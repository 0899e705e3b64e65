"""Name the types of ROS messages, which are unknown here: the classes come from rclpy or from a bag reader."""

from typing import Any

Message = Any  # a message, or a field that is one, with the attributes of its definition
MessageClasses = Any  # an object whose attributes are message classes, which take their fields as keywords
