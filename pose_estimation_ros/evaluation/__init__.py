"""Offline accuracy figures. Needs neither torch nor ROS."""
