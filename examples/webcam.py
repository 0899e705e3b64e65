"""Watch a camera and show who raises a hand. Stop with Ctrl-C, or with q in the window.

Run: python examples/webcam.py [SOURCE]    SOURCE: index of a camera (default 0), a video or a URL
The window needs the package opencv-python; opencv-python-headless has none.
"""

import sys

import cv2

from pose_estimation_ros import PoseEstimator, draw_poses

SURE = 0.5  # a score is the probability that the joint is right
source = sys.argv[1] if len(sys.argv) > 1 else "0"


def raises_hand(person):
    """Tell whether a wrist is above the nose; y grows downwards."""
    nose, wrists = person["nose"], (person["left_wrist"], person["right_wrist"])
    return nose.score > SURE and any(wrist.score > SURE and wrist.y < nose.y for wrist in wrists)


with PoseEstimator("lite0_fpn_coco", tracking=True) as estimate:
    for image, poses in estimate.video(source):
        waving = [person.track_id for person in poses if raises_hand(person)]
        print(f"{len(poses)} people, hand raised by {waving or 'nobody'}")
        try:
            cv2.imshow("poses", draw_poses(image, poses))
            if cv2.waitKey(1) == ord("q"):
                break
        except cv2.error:  # no screen, or the headless package: print only
            pass
