# The nodes on JetPack 4.6 (TX2, Nano) and 5.1 (Xavier, Orin), whose Ubuntu has no apt packages of Humble: the base images bring
# Humble built from source. Build it on the Jetson, from the root of the repository; the second line is for JetPack 5.1:
#   docker build -f docker/jetson.Dockerfile -t pose_estimation_ros:jetpack4 .
#   docker build -f docker/jetson.Dockerfile --build-arg L4T=r35.4.1 -t pose_estimation_ros:jetpack5 .
ARG L4T=r32.7.1
FROM dustynv/ros:humble-ros-base-l4t-${L4T}
SHELL ["/bin/bash", "-eo", "pipefail", "-c"]
# NumPy 1.19.5, which something else may bring, ends with "Illegal instruction" without this variable.
ENV OPENBLAS_CORETYPE=ARMV8
COPY constraints.txt /tmp/
# The image's pip is too old for these wheels, and pip 22 needs Python 3.7. PyYAML is in the image, or comes from here.
RUN python3 -m pip install --no-cache-dir --upgrade "pip<22" \
    && python3 -m pip install --no-cache-dir -c /tmp/constraints.txt numpy opencv-python-headless tqdm onnxruntime PyYAML
WORKDIR /ws
COPY . src/pose_estimation_ros
RUN . "$ROS_ROOT/install/setup.bash" \
    && colcon build --merge-install --install-base /opt/pose_estimation_ros --cmake-args -DBUILD_TESTING=OFF \
    && rm -rf /ws
COPY docker/entrypoint.sh /usr/local/bin/
# As in docker/Dockerfile: the user of the host, and the group that may open cameras and the GPU.
ARG USER_ID=1000
RUN useradd --uid "$USER_ID" --groups video --create-home --shell /bin/bash pose \
    && install -d -o pose -m 700 /home/pose/.cache /home/pose/.cache/pose_estimation_ros
# hadolint ignore=DL3066
USER pose
WORKDIR /home/pose
LABEL org.opencontainers.image.title="pose_estimation_ros" \
    org.opencontainers.image.description="Human pose estimation for ROS 2 on JetPack 4 and 5" \
    org.opencontainers.image.licenses="Apache-2.0" \
    org.opencontainers.image.source="https://github.com/pose-estimation-ros/pose_estimation_ros"
ENTRYPOINT ["entrypoint.sh"]
CMD ["ros2", "launch", "pose_estimation_ros", "tx2.launch.py"]
