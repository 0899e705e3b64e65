#!/bin/bash
# Run a command with ROS and this package: /opt/ros of apt packages, $ROS_ROOT of the images of JetPack 4 and 5.
set -e
for setup in "/opt/ros/$ROS_DISTRO/setup.bash" "${ROS_ROOT:-/none}/install/setup.bash" /opt/pose_estimation_ros/setup.bash; do
  # shellcheck disable=SC1090
  [ ! -f "$setup" ] || source "$setup"
done
exec "$@"
