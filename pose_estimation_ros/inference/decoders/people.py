"""Read the people that a one-stage network has found in a whole frame."""

from typing import Dict, Tuple

import numpy as np

from pose_estimation_ros.core.geometry import best_boxes, in_reach
from pose_estimation_ros.core.model_spec import ModelSpec
from pose_estimation_ros.inference.backends.base import Outputs, Shape

People = Tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


class PeopleInGraph:
    """Read "boxes_xyxy" (1, M, 4), "scores" (1, M) and "keypoints" (1, M, K, 3), of M candidates; M may be 0.

    A callable ``outputs -> people``.
    """

    def __init__(self, spec: ModelSpec) -> None:
        self.spec, self.skeleton = spec, spec.require_skeleton()

    def output_shapes(self) -> Dict[str, Shape]:
        """Return the shapes that the outputs must have, None where any size will do."""
        keypoints = (None, None, self.skeleton.num_keypoints, 3)
        return {"boxes_xyxy": (None, None, 4), "scores": (None, None), "keypoints": keypoints}

    def __call__(self, outputs: Outputs) -> People:
        """Read the people, best first.

        Candidates without a score, or whose box is not finite, are nobody. Those whose box overlaps a better one by
        more than the option nms_iou are left out; where it is None, the network has done that.

        Args:
            outputs: outputs of the network by name.

        Returns:
            boxes (N, 4) xyxy px of the input, person scores (N,) in 0..1, xy (N, K, 2) px of the input, and score
            (N, K) in 0..1. Keypoints that are not finite, or lie far outside of the input, are at (0, 0) with score 0.
        """
        boxes, scores, keypoints = (outputs[name][0] for name in ("boxes_xyxy", "scores", "keypoints"))
        kept = best_boxes(boxes, scores, 0.0, self.spec.decoder_option("nms_iou"))
        kept = kept[scores[kept] > 0]
        keypoints = keypoints[kept]
        keypoints = np.where(in_reach(keypoints)[..., None], keypoints, 0)
        return boxes[kept], scores[kept].clip(0, 1), keypoints[..., :2], keypoints[..., 2].clip(0, 1)
