#!/bin/sh
# Install ROS 2 from its apt packages where the base image has none: `add_ros.sh ros-core|ros-base [PACKAGE ...]`. The base images
# of ROS stay as they are. NVIDIA's images need it; there TensorRT's Python module is installed, too.
set -eu
metapackage=$1
shift
[ ! -f "/opt/ros/$ROS_DISTRO/setup.bash" ] || exit 0
# shellcheck source=/dev/null
. /etc/os-release
apt-get update
apt-get install -y --no-install-recommends ca-certificates curl
curl -fsSL https://raw.githubusercontent.com/ros/rosdistro/master/ros.key -o /usr/share/keyrings/ros-archive-keyring.gpg
echo "deb [signed-by=/usr/share/keyrings/ros-archive-keyring.gpg] http://packages.ros.org/ros2/ubuntu $VERSION_CODENAME main" \
  > /etc/apt/sources.list.d/ros2.list
apt-get update
apt-get install -y --no-install-recommends "ros-$ROS_DISTRO-$metapackage" "$@"
python3 -c "import tensorrt" 2> /dev/null || apt-get install -y --no-install-recommends python3-libnvinfer \
  || echo "add_ros.sh: no TensorRT for Python in this image, engines cannot be used" >&2
! command -v rosdep > /dev/null || rosdep init
rm -rf /var/lib/apt/lists/*
