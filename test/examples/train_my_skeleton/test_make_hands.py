import json

import cv2
import numpy as np

from pose_estimation_ros.importing.skeleton_files import read_skeleton


def test_the_data(hands):
    hand = read_skeleton(hands / "train.json")
    assert hand.keypoints[:5] == (
        "wrist",
        "thumb_base",
        "thumb_middle",
        "thumb_end",
        "thumb_tip",
    )
    assert len(hand.links) == 20 and hand.links[4] == (0, 5) and hand.keypoints[5] == "index_base"
    assert hand.flip_pairs == () and hand.sigmas is None
    content = json.loads((hands / "val.json").read_text())
    assert len(content["images"]) == len(content["annotations"]) == 50
    on_skin = []
    for image, annotation in zip(content["images"], content["annotations"], strict=True):
        picture = cv2.imread(str(hands / "val" / image["file_name"])).astype(float)
        xy = np.reshape(annotation["keypoints"], (21, 3))[:, :2]
        x, y, width, height = annotation["bbox"]
        assert ((xy > (x, y)) & (xy < (x + width, y + height))).all() and ((xy >= 0) & (xy <= 127)).all()
        colors = picture[tuple(np.round(xy).astype(int)[:, ::-1].T)]
        on_skin.append(np.abs(colors / colors.sum(1, keepdims=True) - np.array([150, 185, 235]) / 570).max(1) < 0.02)
    assert np.mean(on_skin) > 0.99  # the colour of skin is under the keypoints


def test_without_a_folder_it_says_how_it_is_run(run_example):
    assert "make_hands.py my_hands" in run_example("train_my_skeleton/make_hands.py", status=1)
