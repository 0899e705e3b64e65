"""Use your own person detector: this one treats everything that moves as a person.

Run: python examples/my_detector.py in.mp4
"""

import sys

import cv2
import numpy as np

from pose_estimation_ros import PoseEstimator


class MotionDetector:
    """Detect moving objects: a callable that PoseEstimator accepts as its detector."""

    def __init__(self):
        self.last = None

    def __call__(self, image):
        """Return boxes (N, 4), left, top, right, bottom in pixels, and scores (N,) of an image (H, W, 3) uint8 BGR."""
        grey = cv2.GaussianBlur(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), (21, 21), 0)
        last = grey if self.last is None else self.last
        self.last = grey
        moving = cv2.dilate((cv2.absdiff(grey, last) > 8).astype(np.uint8), np.ones((41, 21), np.uint8))
        _count, _labels, stats, _centres = cv2.connectedComponentsWithStats(moving)
        large = [(x, y, x + w, y + h) for x, y, w, h, area in stats[1:] if h > 60 and area > 2000]
        return large, [1.0] * len(large)


if len(sys.argv) != 2:
    sys.exit(__doc__)
with PoseEstimator("lite0_fpn_coco", detector=MotionDetector(), tracking=True, detect_every_s=0) as estimate:
    for number, (_image, poses) in enumerate(estimate.video(sys.argv[1])):
        print(f"frame {number}: {poses}")
