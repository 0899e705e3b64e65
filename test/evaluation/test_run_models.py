"""run_models.py: the protocol of HRNet's code written out slowly, and images that are refused."""

import cv2
import numpy as np
import pytest

from pose_estimation_ros.core.errors import DataError
from pose_estimation_ros.core.model_spec import ModelSpec
from pose_estimation_ros.core.poses import make_poses
from pose_estimation_ros.core.skeleton import get_skeleton
from pose_estimation_ros.datasets import coco_index
from pose_estimation_ros.evaluation import run_models

SIGMAS = get_skeleton("coco17").sigmas


def slow_nms(poses, area, threshold=0.9):
    """HRNet's lib/nms/nms.py, written out."""
    left, kept = sorted(range(len(area)), key=lambda i: -poses.person_score[i]), []
    while left:
        best = left.pop(0)
        kept.append(best)
        for other in list(left):
            similarity = 0.0
            for k, sigma in enumerate(SIGMAS):
                dx, dy = poses.xy[best, k] - poses.xy[other, k]
                similarity += np.exp(-(dx**2 + dy**2) / (2 * sigma) ** 2 / ((area[best] + area[other]) / 2) / 2) / 17
            if similarity > threshold:
                left.remove(other)
    return kept


@pytest.mark.parametrize("count", [0, 1, 2, 9])
@pytest.mark.parametrize("seed", range(5))
def test_boxes_of_the_same_person_give_one_pose_by_hrnets_rules(count, seed):
    rng = np.random.default_rng(seed)
    centre = rng.choice([[100, 100], [120, 110]], count).reshape(-1, 2) if count else np.zeros((0, 2))
    xy = (
        centre[:, None]
        + 40 * rng.uniform(-1, 1, (17, 2))
        + rng.uniform(0, 4, (count, 1, 1)) * rng.normal(0, 1, (count, 17, 2))
    )
    boxes = np.concatenate([xy.min(1), xy.max(1)], 1) if count else np.zeros((0, 4))
    score, box_score = rng.uniform(0, 1, (count, 17)), rng.uniform(0, 1, count)
    found = make_poses(xy, score, boxes, score.mean(1) if count else np.zeros(0))

    class Estimator:
        spec = ModelSpec(
            "m", "top_down", (192, 256), "rgb", get_skeleton("coco17"), 4, "quarter_offset", 1.25, "", {}, {}
        )
        skeleton = get_skeleton("coco17")

        def __call__(self, _frame, _boxes):
            return found

    # The crop: a box grown to 3:4, then by 1.25.
    width, height = (boxes[:, 2:] - boxes[:, :2]).T if count else np.zeros((2, 0))
    area = [1.25**2 * max(w, 0.75 * h) * max(w, 0.75 * h) / 0.75 for w, h in zip(width, height)]
    expected = found.replace(person_score=(found.person_score * box_score).astype(np.float32))
    poses = run_models.poses_in_boxes(Estimator(), None, boxes, box_score)
    assert np.allclose(poses.person_score, expected.person_score[slow_nms(expected, area)])
    assert count < 9 or 0 < poses.count < count  # a case that says something


def test_results_format():
    poses = make_poses([[[1, 2], [3, 4]]], [[0.5, 0.25]], [[0, 0, 9, 9]], [0.75])
    assert poses.to_coco(7) == [{"image_id": 7, "category_id": 1, "keypoints": [1, 2, 0.5, 3, 4, 0.25], "score": 0.75}]


def test_an_image_that_cannot_be_read(folder):
    truth = coco_index.load_ground_truth(folder)
    with pytest.raises(DataError, match="image file .*1.png cannot be read"):
        list(run_models.predict(None, truth, folder, coco_index.ground_truth_boxes(truth)))


def test_an_image_of_another_size_is_refused(folder):
    (folder / "images").mkdir()
    for name in ("1.png", "2.png"):
        cv2.imwrite(str(folder / "images" / name), np.zeros((100, 200, 3), np.uint8))
    truth = coco_index.load_ground_truth(folder)
    boxes = coco_index.ground_truth_boxes(truth)
    for predicted in (
        run_models.predict(None, truth, folder, boxes),
        run_models.predict_whole_frames(None, truth, folder),
    ):
        with pytest.raises(DataError, match="1.png: expected the annotated size 200x200, got 200x100"):
            next(predicted)
