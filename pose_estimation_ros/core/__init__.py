"""Hold the value types and the mathematics of poses, in plain NumPy, without images, models or ROS."""
