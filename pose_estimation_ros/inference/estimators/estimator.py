"""Define what all pose estimators have in common: one network that turns a frame into people."""

from typing import Any, Iterable, List, NamedTuple, Sequence, Union

import numpy as np

from pose_estimation_ros.core.calibration import make_calibration
from pose_estimation_ros.core.errors import ConfigError, shown
from pose_estimation_ros.core.model_spec import ModelSpec
from pose_estimation_ros.core.poses import Poses
from pose_estimation_ros.inference.backends.base import Backend


class Look(NamedTuple):
    """Say where to look for people.

    Attributes:
        frame: (H, W, 3) uint8 BGR.
        boxes: (N, 4) xyxy px of the frame, one per person; not used by an estimator that finds people by itself.
    """

    frame: np.ndarray
    boxes: np.ndarray


class Estimator:
    """Turn a frame into people by one network, without memory of earlier frames.

    Subclasses implement ``__call__``. Scores are probabilities where the spec has a calibration, else those of the
    network; the pipeline applies the thresholds. Use it as a context manager or call ``close()``.

    Attributes:
        backend: the open network.
        spec: the spec of the model.
        skeleton: the names, links and OKS sigmas of the K keypoints.
        shares_runs: whether ``together`` runs the network less often than as many calls.
    """

    shares_runs = False

    def __init__(self, backend: Backend, spec: ModelSpec, flip_test: bool = False) -> None:
        """Take an open network.

        Args:
            backend: the network.
            spec: the spec of the model.
            flip_test: also run the mirrored image.

        Raises:
            ConfigError: flip_test is asked of a skeleton without flip pairs.
        """
        self.backend, self.spec = backend, spec
        self.skeleton = spec.require_skeleton()
        self._calibration = make_calibration(spec.calibration, self.skeleton.keypoints) if spec.calibration else None
        if flip_test and not self.skeleton.flip_pairs:
            text = "%s: skeleton %s has no flip pairs, which the flip test needs"
            raise ConfigError(text % (spec.name, self.skeleton.name))

    def __call__(self, frame: np.ndarray, boxes: np.ndarray) -> Poses:
        """Find people.

        Args:
            frame: (H, W, 3) uint8 BGR.
            boxes: (N, 4) xyxy px of the frame, one per person; not used by an estimator that finds people by itself.

        Returns:
            The people, untracked. Keypoints at the edge of the frame or beyond it have score 0.

        Raises:
            FrameError: the frame is no such image.
            ConfigError: the boxes have another shape.
        """
        raise NotImplementedError

    def together(self, looks: Iterable[Look]) -> List[Poses]:
        """Find the people of several looks, in the order of the looks; a subclass may run its network less often.

        Args:
            looks: the arguments of as many calls.
        """
        return [self(*look) for look in looks]

    def _calibrated(self, poses: Poses) -> Poses:
        """Return the people with probabilities as scores, in the same order, as the maps rise."""
        if self._calibration is None or not len(poses):
            return poses
        score, person_score = self._calibration.keypoint_probability(poses.score), poses.person_score
        return poses.replace(score=score, person_score=self._calibration.person(person_score))

    def close(self) -> None:
        """Free the network."""
        self.backend.close()

    def __enter__(self) -> "Estimator":
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()


def without_edge(
    xy: np.ndarray, score: np.ndarray, frame_wh: Union[Sequence[int], np.ndarray], margin_px: np.ndarray
) -> np.ndarray:
    """Give keypoints at the edge of a frame, or beyond it, score 0: the image does not show them.

    A network puts joints that the frame cuts off along its edge, with scores like those of others. Of 355 keypoints of
    lite0_fpn_coco beyond the frame or less than a map's pixel inside, in the annotated boxes of COCO's images, 41 were
    right; of 219 a pixel further inside, 65.

    Args:
        xy: (N, K, 2) px of the frame.
        score: (N, K).
        frame_wh: (width, height) px of the frame; (N, 1, 2) of people of several frames.
        margin_px: (N,) or a number: px of the frame that a pixel of the network's map is long.

    Returns:
        (N, K) scores.
    """
    margin = np.reshape(margin_px, (-1, 1, 1)) - 0.5  # pixel 0 begins half a pixel to the left of its centre
    inside = ((xy >= margin) & (xy <= np.array(frame_wh) - 1 - margin)).all(-1)
    return np.where(inside, score, np.float32(0))


def as_boxes(boxes: Any, name: str = "boxes") -> np.ndarray:
    """Return boxes as an array (N, 4) float32.

    Args:
        boxes: (N, 4), an array or lists; anything empty is nobody's.
        name: what the message calls them.

    Raises:
        ConfigError: they are no numbers, or have another shape.
    """
    try:
        array = np.asarray(boxes, np.float32)
    except (TypeError, ValueError, OverflowError):
        array = None
    if array is None or boxes is None:
        raise ConfigError("expected %s to be an array (N, 4), got %s" % (name, shown(boxes)))
    if array.size == 0:
        return np.zeros((0, 4), np.float32)
    if array.ndim != 2 or array.shape[1] != 4:
        raise ConfigError("expected %s to be an array (N, 4), got one of shape %s" % (name, array.shape))
    return array
