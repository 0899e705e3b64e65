"""Messages <-> arrays and Poses, in inverse pairs."""

import array
from typing import Tuple

import numpy as np
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from pose_estimation_ros.core.errors import FrameError
from pose_estimation_ros.core.poses import Poses, make_poses
from pose_estimation_ros.core.skeleton import Skeleton
from pose_estimation_ros.msg import Keypoint, Person, PersonArray
from pose_estimation_ros.msg import Skeleton as SkeletonMsg
from pose_estimation_ros.nodes.images import decode_image


def image_to_array(msg):
    # type: (Image) -> np.ndarray
    """Frame (H, W, 3) uint8 BGR, for bgr8 a view on the message. Raises FrameError.

    An encoding outside images.LAYOUTS is left to cv_bridge where that is installed.
    """
    try:
        return decode_image(msg.encoding, msg.height, msg.width, msg.step, msg.is_bigendian, msg.data)
    except FrameError as error:
        if error.kind != "encoding":
            raise
        return _by_cv_bridge(msg, error)


def _by_cv_bridge(msg, cause):
    # type: (Image, FrameError) -> np.ndarray
    try:
        from cv_bridge import CvBridge, CvBridgeError
    except ImportError:
        raise FrameError("encoding", "%s; others need cv_bridge, which is not installed" % cause)
    try:
        return CvBridge().imgmsg_to_cv2(msg, "bgr8")
    except CvBridgeError as error:
        raise FrameError("encoding", "%s; cv_bridge: %s" % (cause, error))


def array_to_image(frame, header):
    # type: (np.ndarray, Header) -> Image
    """Frame (H, W, 3) uint8 BGR -> a bgr8 message without padding."""
    height, width = frame.shape[:2]
    msg = Image(header=header, height=height, width=width, encoding="bgr8", is_bigendian=0, step=3 * width)
    msg.data = array.array("B", frame.tobytes())  # any other type would be checked byte by byte
    return msg


def stamp_to_s(stamp):
    # type: (object) -> float
    """builtin_interfaces/Time -> seconds."""
    return stamp.sec + 1e-9 * stamp.nanosec  # type: ignore[attr-defined]


def poses_to_msg(poses, header, image_wh, skeleton_name):
    # type: (Poses, Header, Tuple[int, int], str) -> PersonArray
    """People of one image -> message; its timing is left at zero."""
    rows = zip(poses.xy.tolist(), poses.score.tolist(), poses.box_xyxy, poses.person_score, poses.track_id)
    persons = [
        Person(
            track_id=int(track_id),
            score=float(person_score),
            box_xyxy=box,
            keypoints=[Keypoint(x=x, y=y, score=s) for (x, y), s in zip(xy, score)],
        )
        for xy, score, box, person_score, track_id in rows
    ]
    width, height = image_wh
    return PersonArray(header=header, image_width=width, image_height=height, skeleton=skeleton_name, persons=persons)


def msg_to_poses(msg, num_keypoints):
    # type: (PersonArray, int) -> Poses
    """Inverse of poses_to_msg. Raises FrameError where a person has another number of keypoints."""
    counts = sorted({len(person.keypoints) for person in msg.persons} - {num_keypoints})
    if counts:
        raise FrameError("keypoints", "expected %d keypoints per person, got %s" % (num_keypoints, counts))
    people = [[(k.x, k.y, k.score) for k in person.keypoints] for person in msg.persons]
    values = np.array(people, np.float32).reshape(len(people), num_keypoints, 3)
    boxes = np.array([person.box_xyxy for person in msg.persons], np.float32).reshape(-1, 4)
    score = np.array([person.score for person in msg.persons], np.float32)
    track_id = np.array([person.track_id for person in msg.persons], np.int32)
    return make_poses(values[..., :2], values[..., 2], boxes, score, track_id)


def skeleton_to_msg(skeleton):
    # type: (Skeleton) -> SkeletonMsg
    return SkeletonMsg(
        name=skeleton.name,
        keypoints=list(skeleton.keypoints),
        links=[index for link in skeleton.links for index in link],
        flip_pairs=[index for pair in skeleton.flip_pairs for index in pair],
        oks_sigmas=list(skeleton.sigmas),
    )


def msg_to_skeleton(msg):
    # type: (SkeletonMsg) -> Skeleton
    """Inverse of skeleton_to_msg: a subscriber needs no table of its own."""
    links = tuple(zip(msg.links[::2], msg.links[1::2]))
    return Skeleton(msg.name, tuple(msg.keypoints), links, tuple(msg.oks_sigmas))
