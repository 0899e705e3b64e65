"""Convert vision_msgs/Detection2DArray to person boxes, for detectors that run elsewhere.

vision_msgs is not imported. All layouts of the message are recognised by their attributes. The centre of a box is a
geometry_msgs/Pose2D (x, y, theta; Foxy, Galactic) or a vision_msgs/Pose2D (position.x, position.y, theta; Humble and
newer). A hypothesis has id and score (Foxy) or hypothesis.class_id and hypothesis.score (Galactic and newer).
"""

from typing import NamedTuple, Sequence, Tuple

import numpy as np

from pose_estimation_ros.core.errors import FrameError
from pose_estimation_ros.core.geometry import in_reach
from pose_estimation_ros.messages.message import Message


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
