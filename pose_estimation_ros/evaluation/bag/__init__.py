"""Evaluation of recordings: rosbags in, numbers and pictures out, without ROS. See docs/bags.md."""
