"""Find the people in an image, print where their wrists are, and draw them.

Run: python examples/image.py in.jpg out.jpg
"""

import sys

import cv2

from pose_estimation_ros import PoseEstimator, draw_poses

if len(sys.argv) != 3:
    sys.exit(__doc__)
image = cv2.imread(sys.argv[1])  # an array (height, width, 3) of uint8, in the order blue, green, red

with PoseEstimator("lite0_fpn_coco") as estimate:
    poses = estimate(image)

print(poses)
for person in poses:
    for name in ("left_wrist", "right_wrist"):
        joint = person[name]  # the score is the probability that it is right; 0: not found
        print(f"{name} at x {joint.x:.0f}, y {joint.y:.0f} px, score {joint.score:.2f}")

# The same as arrays: poses.xy (people, 17, 2), poses.score (people, 17), poses.box_xyxy (people, 4).
if not cv2.imwrite(sys.argv[2], draw_poses(image, poses)):
    sys.exit(f"cannot write {sys.argv[2]}")
