"""Pure numpy: value types and mathematics of poses. Knows neither images, models nor ROS."""
