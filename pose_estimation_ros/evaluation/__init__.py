"""Measure the accuracy of models offline, without torch and ROS."""
