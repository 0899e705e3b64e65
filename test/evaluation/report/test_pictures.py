"""Pictures of a report: images read back from the page."""

import base64

import cv2
import numpy as np
import pytest
from html_pages import Page, macro

from pose_estimation_ros.core.skeleton import get_skeleton
from pose_estimation_ros.evaluation.report.pictures import BLANK, WIDTH, Picture, image_of, numbered_poses, picture_rows

SKELETON = get_skeleton("coco17")


def keypoints(people):
    rng = np.random.default_rng(0)
    return np.insert(rng.uniform(20, 180, (people, 17, 2)), 2, 1, -1)


def decoded(rows):
    """The images read back from the page of the rows."""
    page = Page(macro("pictures", rows))
    parts = [image["src"].removeprefix("data:image/jpeg;base64,") for image in page.having("img")]
    return [cv2.imdecode(np.frombuffer(base64.b64decode(part), np.uint8), cv2.IMREAD_COLOR) for part in parts]


@pytest.mark.parametrize("people", [0, 1, 3])
def test_a_missing_image_is_blank_and_has_room_for_the_people(tmp_path, people):
    poses = numbered_poses(keypoints(people), range(1, people + 1), [1.0] * people)
    frame = image_of(Picture("a", tmp_path / "none.jpg", [poses], ["a"]))
    assert (frame == BLANK).all() and frame.shape[1] >= poses.box_xyxy[:, 2].max(initial=0)


def test_panels_are_drawn_on_the_same_image_each_for_itself(tmp_path):
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((100, 200, 3), np.uint8))
    nobody, somebody = numbered_poses(keypoints(0), [], []), numbered_poses(keypoints(1), [-1], [0.5])
    first, second = decoded(picture_rows([Picture("a<", tmp_path / "a.png", [nobody, somebody], ["x", "y"])], SKELETON))
    assert first.shape == second.shape == (WIDTH // 2, WIDTH, 3)
    assert first.max() < 10 < 100 < second.max()


def test_keypoints_of_score_0_are_not_drawn(tmp_path):
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((100, 200, 3), np.uint8))
    unlabelled = keypoints(1) * [1, 1, 0]
    (panel,) = decoded(
        picture_rows([Picture("a", tmp_path / "a.png", [numbered_poses(unlabelled, [1], [1.0])], ["x"])], SKELETON)
    )
    assert panel.max() < 10
