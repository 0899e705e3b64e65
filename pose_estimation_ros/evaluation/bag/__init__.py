"""Evaluate recordings without ROS: rosbags in, numbers and pictures out. See docs/how-to/evaluate-recordings.md."""
