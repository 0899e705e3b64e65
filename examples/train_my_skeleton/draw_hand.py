"""Draw a toy hand in a random pose, whose 21 keypoints are known.

Run: python examples/train_my_skeleton/draw_hand.py hand.png
"""

import sys

import cv2
import numpy as np

# Angle in degrees and length of each finger of an upright right hand with its back to us.
FINGERS = {"thumb": (-60, 0.7), "index": (-20, 1.0), "middle": (-5, 1.1), "ring": (10, 1.05), "little": (26, 0.85)}
BONES = (0.95, 0.42, 0.28, 0.22)  # of a finger, from the wrist on
CHAINS = [[0, *range(first, first + 4)] for first in range(1, 21, 4)]  # keypoints from the wrist to each tip
SIZE = 128  # px


def draw_hand(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return an image (128, 128, 3) uint8 BGR and the keypoints (21, 2) in px: the wrist, then four of each finger."""
    turn, side = rng.uniform(-40, 40), rng.choice([-1, 1])  # -1: a left hand
    chains = [np.zeros((1, 2))]
    for angle, length in FINGERS.values():
        angles = np.radians(turn + side * (angle + np.cumsum([0, *rng.normal(0, 10, 3)])))
        steps = length * np.reshape(BONES, (4, 1)) * np.stack([np.sin(angles), -np.cos(angles)], 1)
        chains.append(np.cumsum(steps, 0))
    xy = np.concatenate(chains)
    low, high = xy.min(0), xy.max(0)
    xy = (xy - (low + high) / 2) * rng.uniform(75, 100) / (high - low).max() + (SIZE - 1) / 2 + rng.uniform(-6, 6, 2)
    image = cv2.resize(rng.integers(0, 256, (4, 4, 3), np.uint8), (SIZE, SIZE), interpolation=cv2.INTER_CUBIC)
    skin, points = rng.uniform(0.6, 1) * np.array([150, 185, 235]), np.round(xy).astype(np.int32)
    cv2.fillPoly(image, [points[[0, 1, 5, 9, 13, 17]]], skin)
    for shade, width in ((0.6, 9), (1.0, 6)):  # a darker rim around each finger
        cv2.polylines(image, [points[chain] for chain in CHAINS], False, shade * skin, width, cv2.LINE_AA)
    return image, xy


if __name__ == "__main__":
    if len(sys.argv) != 2 or not cv2.imwrite(sys.argv[1], draw_hand(np.random.default_rng())[0]):
        sys.exit(__doc__)
