"""Convert poses to ROS messages and back, without rclpy: the caller passes the message classes."""
