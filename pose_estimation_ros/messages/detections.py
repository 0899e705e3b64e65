"""Convert vision_msgs/Detection2DArray to person boxes, for detectors that run elsewhere, and people to detections.

vision_msgs is not imported. All layouts of the messages are recognised by their attributes. The centre of a box is a
geometry_msgs/Pose2D (x, y, theta; Foxy, Galactic) or a vision_msgs/Pose2D (position.x, position.y, theta; Humble and
newer). A hypothesis has id and score (Foxy) or hypothesis.class_id and hypothesis.score (Galactic and newer). A
detection has is_tracking and tracking_id (Foxy) or id (Galactic and newer).
"""

from typing import NamedTuple, Sequence, Tuple

import numpy as np

from pose_estimation_ros.core.errors import FrameError
from pose_estimation_ros.core.geometry import in_reach
from pose_estimation_ros.core.poses import LOST, UNTRACKED, Poses
from pose_estimation_ros.core.space.depth import Joints
from pose_estimation_ros.core.space.people_3d import People3D
from pose_estimation_ros.messages.message import Message, MessageClasses
from pose_estimation_ros.messages.pose_array import located

CLASSES = ("Detection2D", "Detection2DArray", "Detection3D", "Detection3DArray", "ObjectHypothesisWithPose")
PERSON = "person"  # class id of all detections
BEYOND_M = 0.1  # how far a body goes on beyond its joints
LEAST_M = 0.3  # least size of a body along any axis
UPRIGHT_M, USUAL_HEIGHT_M = 0.6, 1.7  # sides of the box of somebody of whom no joint is known: width and depth, height
UNKNOWN_ANGLE = np.pi**2 / 3  # rad^2, variance of an angle that may be any


class PersonBoxes(NamedTuple):
    """Hold the boxes of people, the best first.

    Attributes:
        boxes_xyxy: (N, 4) float32 px of the detector's image.
        score: (N,) float32 in 0..1.
        malformed: number of boxes that were dropped because a number is not finite or a size is not > 0.
    """

    boxes_xyxy: np.ndarray
    score: np.ndarray
    malformed: int


def decode_detections(message: Message, person_classes: Sequence[str] = ()) -> PersonBoxes:
    """Return the boxes of a message that hold a person; a rotated box becomes the upright box around it.

    The best hypothesis of a detection decides its class.

    Args:
        message: a vision_msgs/Detection2DArray.
        person_classes: class ids that mean a person, such as ("person", "0"). If empty, all detections are people, and
            one without any hypothesis has score 1.

    Raises:
        FrameError: kind "detections", if the message has another type or layout.
    """
    try:
        detections = [_best_hypothesis(d.results) + _box(d.bbox) for d in message.detections]
        rows = np.array([row[1:] for row in detections if not person_classes or row[0] in person_classes], np.float64)
    except (AttributeError, TypeError, ValueError) as error:
        expected = "expected a vision_msgs/Detection2DArray of Foxy or newer, got %s: %s"
        raise FrameError("detections", expected % (type(message).__name__, error))
    score, x, y, theta, width, height = rows.reshape(-1, 6).T
    with np.errstate(invalid="ignore", over="ignore"):
        cos, sin = abs(np.cos(theta)), abs(np.sin(theta))
        half = np.stack([cos * width + sin * height, sin * width + cos * height], 1) / 2
        middle = np.stack([x, y], 1)
        boxes = np.concatenate([middle - half, middle + half], 1).astype(np.float32)
    good = in_reach(boxes) & np.isfinite(score) & (width > 0) & (height > 0)
    best_first = np.argsort(-score[good], kind="mergesort")
    score = np.clip(score[good], 0, 1).astype(np.float32)
    return PersonBoxes(boxes[good][best_first], score[best_first], int((~good).sum()))


def _best_hypothesis(results: Message) -> Tuple[str, float]:
    """Return (class id, score) of the hypothesis with the highest score; NaN is the lowest."""
    hypotheses = [getattr(result, "hypothesis", result) for result in results]
    if not hypotheses:
        return "", 1.0
    best = max(hypotheses, key=lambda hypothesis: (hypothesis.score == hypothesis.score, hypothesis.score))
    return str(best.class_id if hasattr(best, "class_id") else best.id), best.score


def _box(bbox: Message) -> Tuple[float, float, float, float, float]:
    """Return x, y, theta, width and height of a box."""
    position = getattr(bbox.center, "position", bbox.center)
    return position.x, position.y, bbox.center.theta, bbox.size_x, bbox.size_y


def poses_to_detections(messages: MessageClasses, poses: Poses, header: Message) -> Message:
    """Convert the people who are seen in an image to a Detection2DArray, the inverse of decode_detections().

    People who are LOST are left out, because the message cannot tell that they are not seen.

    Args:
        messages: has the classes CLASSES.
        poses: people of the image.
        header: std_msgs/Header of the image.
    """
    sides = poses.box_xyxy[:, 2:] - poses.box_xyxy[:, :2]
    seen = poses.select((poses.state != LOST) & in_reach(poses.box_xyxy) & (sides > 0).all(1))
    rows = zip(seen.box_xyxy.tolist(), seen.person_score.tolist(), seen.track_id.tolist())
    detections = []
    for (left, top, right, bottom), score, track_id in rows:
        detection = _detection(messages.Detection2D, header, track_id)
        middle = getattr(detection.bbox.center, "position", detection.bbox.center)
        middle.x, middle.y = (left + right) / 2, (top + bottom) / 2
        detection.bbox.size_x, detection.bbox.size_y = right - left, bottom - top
        detection.results = [_hypothesis(messages, score)]
        detections.append(detection)
    return messages.Detection2DArray(header=header, detections=detections)


def people_to_detections(
    messages: MessageClasses, poses: Poses, joints: Joints, people: People3D, header: Message, vertical: int
) -> Message:
    """Convert the people who are seen in an image and whose position is known to a Detection3DArray.

    The hypothesis of a detection holds the position of the person and its covariance; the orientation is not known.
    The box is upright: it holds the joints that are known, or stands for the height of the person.

    Args:
        messages: has the classes CLASSES.
        poses: N people of the image.
        joints: joints of the same people, in the frame of the header.
        people: places of the same people, in the frame of the header.
        header: std_msgs/Header with the stamp of the image.
        vertical: index of the vertical axis of that frame.
    """
    known = located(poses, people)
    poses, joints, people = poses.select(known), joints.select(known), people.select(known)
    middles, sizes = _boxes_3d(joints, people, vertical)
    rows = zip(poses.track_id.tolist(), middles.tolist(), sizes.tolist())
    detections = []
    for i, (track_id, middle, size) in enumerate(rows):
        detection = _detection(messages.Detection3D, header, track_id)
        _set_xyz(detection.bbox.center.position, middle)
        detection.bbox.center.orientation.w = 1.0
        _set_xyz(detection.bbox.size, size)
        hypothesis = _hypothesis(messages, float(poses.person_score[i]))
        _set_xyz(hypothesis.pose.pose.position, people.position[i].tolist())
        hypothesis.pose.pose.orientation.w = 1.0
        hypothesis.pose.covariance = _covariance_6x6(people.position_covariance[i])
        detection.results = [hypothesis]
        detections.append(detection)
    return messages.Detection3DArray(header=header, detections=detections)


def _boxes_3d(joints: Joints, people: People3D, vertical: int) -> Tuple[np.ndarray, np.ndarray]:
    """Return the middles (N, 3) m and sizes (N, 3) m of boxes along the axes around people of known position."""
    valid = joints.valid[..., None]
    place = people.position[:, None]
    low = np.concatenate([place, np.where(valid, joints.position, np.inf)], 1).min(1)
    high = np.concatenate([place, np.where(valid, joints.position, -np.inf)], 1).max(1)
    sizes = np.maximum(high - low + 2 * BEYOND_M, LEAST_M)
    upright = np.full_like(sizes, UPRIGHT_M)
    upright[:, vertical] = np.where(np.isfinite(people.height), people.height, USUAL_HEIGHT_M)
    return (low + high) / 2, np.where(valid.any(1), sizes, upright)


def _detection(kind: MessageClasses, header: Message, track_id: int) -> Message:
    """Make a Detection2D or Detection3D of a person; one who is not tracked has the id ""."""
    detection, is_tracked = kind(header=header), track_id != UNTRACKED
    text = str(track_id) if is_tracked else ""
    if hasattr(detection, "tracking_id"):
        detection.is_tracking, detection.tracking_id = is_tracked, text
    else:
        detection.id = text
    return detection


def _hypothesis(messages: MessageClasses, score: float) -> Message:
    """Make the ObjectHypothesisWithPose that somebody is a person."""
    result = messages.ObjectHypothesisWithPose()
    hypothesis = getattr(result, "hypothesis", result)
    setattr(hypothesis, "class_id" if hasattr(hypothesis, "class_id") else "id", PERSON)
    hypothesis.score = score
    return result


def _set_xyz(vector: Message, xyz: Sequence[float]) -> None:
    vector.x, vector.y, vector.z = xyz


def _covariance_6x6(covariance: np.ndarray) -> np.ndarray:
    """Return the covariance (36,) of x, y, z and three angles that are not known; a position's unknown (3, 3) is 0."""
    whole = np.zeros((6, 6))
    whole[:3, :3] = np.where(np.isfinite(covariance), covariance, 0.0)
    whole[[3, 4, 5], [3, 4, 5]] = UNKNOWN_ANGLE
    return whole.ravel()
