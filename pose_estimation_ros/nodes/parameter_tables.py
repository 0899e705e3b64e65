"""List the parameters of the nodes with their meaning, ranges and choices; it loads nothing of ROS.

docs/reference/ros-interface.md shows the same. Those of the pipeline are described in inference/options.py.
"""

from pose_estimation_ros.imaging.image_headers import MAX_PIXELS
from pose_estimation_ros.inference.options import OPTIONS, Option

TRANSPORTS, QOS, ROTATIONS = ("raw", "compressed"), ("auto", "best_effort", "reliable"), (0, 90, 180, 270)

NONE = "none"
TF_FRAMES = (NONE, "person", "joints")
GROUND = "ground"
GUESSES = (NONE, GROUND, "height")
SENSOR_BITS = (0, 8, 9, 10, 11, 12, 13, 14, 15, 16)
MONO16_BITS = "Bits that 16-bit samples use; 0: the fewest of 8, 10, 12, 14, 16 that hold the largest value."

# A robot goes on without its engine, where the command line stops, and prefers a steady age of its results to the same
# results in each run.
OF_ROBOTS = ("fallback", "background_detector")
PIPELINE_PARAMETERS = [
    option._replace(default=True) if option.name in OF_ROBOTS else option for option in OPTIONS.values()
]

INPUT_PARAMETERS = [
    Option(
        "image_topics", ["image"], "Image topics, one per camera. With several, results appear beside each.", topic=True
    ),
    Option("image_transport", "raw", "compressed: JPEG or PNG on <image topic>/compressed.", choices=TRANSPORTS),
    Option(
        "qos",
        "auto",
        "Reliability of the image subscription; auto: best effort, or reliable if that brings no image.",
        choices=QOS,
    ),
    Option("max_age_ms", 0.0, "Images older than this, in ms, are dropped; 0: none are.", 0.0, 60000.0, live=True),
    Option("max_image_pixels", MAX_PIXELS, "Images and depth images of more pixels are dropped.", 1, 3 * 10**8),
    Option("mono16_bits", 0, MONO16_BITS, choices=SENSOR_BITS),
    Option(
        "roi_xywh",
        [0, 0, 0, 0],
        "Region of interest in the image: x, y, width, height px; a size of 0: up to the border.",
    ),
    Option("rotation_deg", 0, "Clockwise rotation in degrees that makes the image upright.", choices=ROTATIONS),
    Option(
        "camera_info_topic",
        "camera_info",
        "Calibration; a relative name is beside the image topic. Empty: none. A remapping of camera_info wins.",
        topic=True,
    ),
    Option("image_rectified", False, "The image comes from image_proc: without distortion, with the matrix P."),
    Option(
        "depth_topic",
        "",
        "Depth image aligned with the image (REP-118), for joints in space. Empty: none. A remapping of depth wins.",
        topic=True,
    ),
    Option("depth_slop_s", 0.03, "Largest time difference between an image and its depth image, s.", 0.0, 1.0),
    Option("depth_window", 0.02, "Half side of the square where depth is looked for, in box heights.", 0.005, 0.1),
    Option("depth_nearest_m", 0.2, "Nearest distance that the depth camera measures, m.", 0.0, 10.0),
    Option("depth_farthest_m", 10.0, "Farthest distance that the depth camera measures, m.", 0.1, 100.0),
    Option(
        "position_without_depth",
        "none",
        "Estimate people's positions where no depth image comes. height: from the size in the image. ground: from the"
        " feet on ground_frame, else from the size.",
        choices=GUESSES,
    ),
    Option("ground_frame", "base_footprint", "TF frame whose x-y plane people stand on, for ground. Needs tf2_ros_py."),
    Option("ground_tilt_sigma_deg", 1.0, "Standard deviation of the camera's tilt against that plane.", 0.0, 10.0),
    Option("person_height_m", 1.68, "Mean height of people, for positions by their size, m.", 0.5, 2.5),
    Option("person_height_sigma_m", 0.10, "Standard deviation of their heights, m.", 0.0, 0.5),
    Option(
        "detections_topic",
        "",
        "vision_msgs/Detection2DArray with people, in place of the detector. Empty: none. A remapping of detections"
        " wins.",
        topic=True,
    ),
    Option("detections_slop_s", 0.0, "Largest time difference between an image and its detections, s.", 0.0, 1.0),
    Option("detections_min_score", 0.3, "Detections of a lower score are ignored.", 0.0, 1.0, live=True),
    Option("person_classes", ["person"], "Class ids of detections that are people."),
]

POSE_PARAMETERS = (
    [
        Option(
            "auto_activate", True, "Configure and activate at start-up; if false, a lifecycle manager has to do it."
        ),
        Option(
            "enabled", True, "false: images are ignored, nothing is published, the networks stay loaded.", live=True
        ),
    ]
    + INPUT_PARAMETERS
    + PIPELINE_PARAMETERS
    + [
        Option(
            "cameras_together",
            "auto",
            "Images of several cameras that wait at the same time share runs of a top-down network; auto: on a GPU.",
            choices=("auto", "always", "never"),
        ),
    ]
    + [
        Option(
            "predict_to_now",
            False,
            "Move people in pose/keypoints from their place in the image to that at the time of publication, which is"
            " then its stamp. Needs smoothing.",
            live=True,
        ),
        Option("overlay", True, "false: pose/image and pose/image/compressed are not published.", live=True),
        Option(
            "overlay_rate_hz",
            10.0,
            "Largest rate of pose/image/compressed; 0: every image.",
            0.0,
            1000.0,
            live=True,
        ),
        Option("overlay_quality", 80, "Quality of the JPEGs in pose/image/compressed.", 1, 100, live=True),
        Option(
            "marker_metres_per_px",
            0.002,
            "Size of a pixel, in m, in the plane of markers without depth, where there is no CameraInfo.",
            1e-6,
            1.0,
        ),
        Option("marker_distance_m", 1.0, "Distance of that plane from the camera, m.", 0.1, 100.0),
        Option(
            "marker_lifetime_s",
            0.5,
            "Seconds after which RViz removes a marker, at least twice the time between images; 0: never.",
            0.0,
            3600.0,
        ),
        Option("target_frame", "", "TF frame of all positions in space; empty: the camera's. Needs tf2_ros_py."),
        Option(
            "tf_timeout_s",
            0.1,
            "Longest wait, in s, for a late transform; the next image waits, too.",
            0.0,
            1.0,
            live=True,
        ),
        Option(
            "publish_tf",
            NONE,
            "TF frames of confirmed people in space: none, one for each person, or also one for each joint. Needs"
            " tf2_msgs.",
            choices=TF_FRAMES,
        ),
        Option(
            "joint_orientations",
            False,
            "Turn the TF frame of a joint as its limb, where three joints give the rotation; false: as the body.",
        ),
        Option("hri", False, "Also publish REP-155's /humans/bodies/...; needs hri_msgs."),
        Option("vision", False, "Also publish pose/detections_2d and pose/detections_3d; needs vision_msgs."),
        Option("foxglove", False, "Also publish pose/annotations for Foxglove; needs foxglove_msgs."),
    ]
)

VIDEO_PARAMETERS = [
    Option(
        "source",
        "0",
        "An image, a folder of images, a video, a URL, or a camera such as 0 or /dev/video0.",
        number_too=True,
    ),
    Option("rate_hz", 0.0, "Images per second; 0: as in the source, each image at its time.", 0.0, 1000.0),
    Option("loop", True, "Start again at the end; if false, the node ends there."),
    Option("frame_id", "camera_optical_frame", "frame_id of the images' headers."),
    Option(
        "camera_info_url",
        "",
        "Calibration as camera_calibration writes it: file:///... or package://PACKAGE/... Empty: none.",
    ),
    Option("width", 0, "Pixels to resize to, together with height; 0: as the source.", 0, 16384),
    Option("height", 0, "Pixels to resize to, together with width; 0: as the source.", 0, 16384),
    Option("wait_for_subscribers", 0, "Start only when this many nodes subscribe to the images.", 0, 100),
]

WEB_PARAMETERS = [
    Option(
        "host",
        "127.0.0.1",
        "Name or address to listen on. 127.0.0.1: this machine alone; 0.0.0.0: the whole network, without a password.",
    ),
    Option("port", 8080, "TCP port of the page; 0: any that is free.", 0, 65535),
    Option("max_viewers", 20, "Viewers at once; further ones are told to wait.", 1, 200),
    Option(
        "host_names",
        ["localhost"],
        "Further names by which browsers reach this machine, such as that of a proxy. Its addresses and its own name"
        " are always allowed.",
    ),
]
