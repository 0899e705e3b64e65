"""coco.py: AP against hand-made cases and against AP written out slowly, on made-up people and on real ones."""

import cv2
import numpy as np
import pytest
from slow_ap import ANY, LARGE, MEDIUM, jittered, slow_ap

from pose_estimation_ros.core.errors import DataError
from pose_estimation_ros.core.model_spec import ModelSpec
from pose_estimation_ros.core.poses import make_poses
from pose_estimation_ros.core.skeleton import get_skeleton
from pose_estimation_ros.evaluation.metrics import coco
from pose_estimation_ros.inference.predict import coco_results

SIGMAS = get_skeleton("coco17").sigmas


def test_nothing_predicted(folder):
    assert coco.keypoint_ap(coco.load_ground_truth(folder), []) == dict.fromkeys(coco.METRICS, 0.0)


def counted(truth):
    return [a for a in truth.anns.values() if coco.is_counted(a)]


def test_truth_as_prediction_is_perfect(folder, as_results):
    truth = coco.load_ground_truth(folder)
    figures = coco.keypoint_ap(truth, as_results(counted(truth)))
    assert figures == pytest.approx(dict.fromkeys(coco.METRICS, 100.0))


def test_one_of_three_found(folder, as_results):
    truth = coco.load_ground_truth(folder)
    figures = coco.keypoint_ap(truth, as_results([truth.anns[1]]))
    assert figures["AP"] == pytest.approx(100 * 34 / 101)  # 101 recall points, those up to 1/3
    assert figures["AR"] == pytest.approx(100 / 3)


def test_a_size_that_nobody_has_is_minus_one(folder, as_results):
    truth = coco.load_ground_truth(folder)
    for person in truth.anns.values():
        person["area"] = 50.0**2
    figures = coco.keypoint_ap(truth, as_results(counted(truth)))
    assert figures["APL"] == -1 and figures["APM"] == pytest.approx(100)


def slow_figures(truth, results):
    def area_of(person):
        return person["area"]

    def run(between):
        return slow_ap(truth.imgs, list(truth.anns.values()), results, SIGMAS, area_of, between)

    (ap, recall), medium, large = run(ANY), run(MEDIUM)[0], run(LARGE)[0]
    return dict(zip(coco.METRICS, [np.mean(ap), ap[0], ap[5], np.mean(medium), np.mean(large), np.mean(recall)]))


def made_up(rng):
    """40 images of people of all sizes, crowds and unlabelled people among them."""
    images = [{"id": int(i), "file_name": f"{i}.jpg"} for i in rng.permutation(40)]
    annotations = []
    for number in range(1, 150):
        side = rng.choice([20, 31, 33, 60, 95, 97, 200], 2)
        box = [*rng.uniform(0, 300, 2).tolist(), *side.tolist()]
        visible = rng.integers(0, 3, (17, 1)) * rng.choice([0, 1, 1, 1])
        keypoints = np.concatenate([box[:2] + rng.uniform(0, 1, (17, 2)) * side, visible], 1)
        fields = {"image_id": int(rng.integers(40)), "category_id": 1, "iscrowd": int(rng.random() < 0.1), "bbox": box}
        labels = {"keypoints": keypoints.ravel().tolist(), "num_keypoints": int((visible > 0).sum())}
        annotations.append({"id": number, "area": float(side[0] * side[1]), **fields, **labels})
    return {"images": images, "annotations": annotations}


@pytest.mark.parametrize("seed", range(4))
def test_jittered_truth_agrees_with_ap_written_out(tmp_path, seed):
    rng = np.random.default_rng(seed)
    truth = coco.load_ground_truth(tmp_path / "made_up.json", made_up(rng))
    results = jittered(truth.anns.values(), rng)
    figures = coco.keypoint_ap(truth, results)
    assert 5 < figures["AP"] < 95 and len({*figures.values()}) == 6  # a case that says something
    assert figures == pytest.approx(slow_figures(truth, results), abs=1e-6)


def test_more_than_20_in_an_image(folder, as_results):
    """The 20 best are judged: people found by the 21st are missed."""
    truth = coco.load_ground_truth(folder)
    rng = np.random.default_rng(0)
    worse = [dict(r, score=0.95) for r in jittered([truth.anns[1]] * 60, rng, amount=5)][:20]
    results = worse + as_results(counted(truth))
    assert len(worse) == 20 and coco.keypoint_ap(truth, results) == pytest.approx(
        slow_figures(truth, results), abs=1e-6
    )


@pytest.mark.parametrize("name", ["person_keypoints.json", "person_keypoints_official.json"])
def test_real_people(shared_data, as_results, name):
    truth = coco.load_ground_truth(f"{shared_data}/coco_val/{name}")
    perfect = coco.keypoint_ap(truth, as_results(counted(truth)))
    assert perfect == pytest.approx(dict.fromkeys(coco.METRICS, 100.0))
    results = jittered(counted(truth), np.random.default_rng(1), amount=0.03)
    figures = coco.keypoint_ap(truth, results)
    assert 20 < figures["AP"] < 90
    assert figures == pytest.approx(slow_figures(truth, results), abs=1e-6)


def test_ground_truth_boxes_leave_out_crowds_and_the_unlabelled(folder):
    boxes = coco.ground_truth_boxes(coco.load_ground_truth(folder))
    assert {k: len(b) for k, (b, s) in boxes.items()} == {1: 2, 2: 1}
    assert boxes[2][0].tolist() == [[0, 0, 60, 60]]


@pytest.mark.parametrize("text", ["{", '{"images": [], "annotations": []}', "[]", '{"images": 3}'])
def test_files_that_are_none(tmp_path, text):
    (tmp_path / "person_keypoints.json").write_text(text)
    with pytest.raises(DataError, match="person_keypoints.json"):
        coco.load_ground_truth(tmp_path)


@pytest.mark.parametrize(
    "changes, message",
    [
        (
            {"keypoints": [1, 2, 2] * 16},
            "persons without the 51 finite numbers of coco17, the first: annotation 1 with",
        ),
        ({"keypoints": [float("nan")] * 51}, "5 persons without the 51 finite numbers"),
        ({"keypoints": None}, "4 persons whose num_keypoints contradicts their labels"),
        ({"area": None}, "3 persons whose area is no number above 0, the first: annotation 1 with area None"),
        ({"num_keypoints": "3"}, "5 persons whose num_keypoints contradicts their labels"),
        ({"iscrowd": None}, "5 persons whose iscrowd is neither 0 nor 1"),
        ({"num_keypoints": 0, "keypoints": [0] * 51}, "expected persons with keypoints, found none in 5 annotations"),
        ({"iscrowd": 1}, "expected persons with keypoints, found none"),
        ({"category_id": 2}, "5 annotations of a category that the file does not list, the first: annotation 1"),
        ({"id": 7}, "1 annotation ids that occur twice, the first: 7"),
        ({"image_id": 9}, "5 annotations without a known image_id"),
    ],
)
def test_annotation_faults(tmp_path, content, changes, message):
    content["annotations"] = [{**a, **changes} for a in content["annotations"]]
    with pytest.raises(DataError, match=message):
        coco.load_ground_truth(tmp_path / "a.json", content)


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
        spec = ModelSpec("m", "top_down", (192, 256), "rgb", "coco17", 4, "quarter_offset", 1.25, "", {}, {})
        skeleton = get_skeleton("coco17")

        def __call__(self, _frame, _boxes):
            return found

    # The crop: a box grown to 3:4, then by 1.25.
    width, height = (boxes[:, 2:] - boxes[:, :2]).T if count else np.zeros((2, 0))
    area = [1.25**2 * max(w, 0.75 * h) * max(w, 0.75 * h) / 0.75 for w, h in zip(width, height)]
    expected = found._replace(person_score=(found.person_score * box_score).astype(np.float32))
    poses = coco.poses_in_boxes(Estimator(), None, boxes, box_score)
    assert np.allclose(poses.person_score, expected.person_score[slow_nms(expected, area)])
    assert count < 9 or 0 < poses.count < count  # a case that says something


def test_results_format():
    poses = make_poses([[[1, 2], [3, 4]]], [[0.5, 0.25]], [[0, 0, 9, 9]], [0.75])
    assert coco_results(poses, 7) == [
        {"image_id": 7, "category_id": 1, "keypoints": [1, 2, 0.5, 3, 4, 0.25], "score": 0.75}
    ]


def test_an_image_that_cannot_be_read(folder):
    truth = coco.load_ground_truth(folder)
    with pytest.raises(DataError, match="image file .*1.png cannot be read"):
        list(coco.predict(None, truth, folder, coco.ground_truth_boxes(truth)))


ODD = [float("nan"), float("inf"), float("-inf")]


@pytest.mark.parametrize("value", ODD)
@pytest.mark.parametrize("field", ["keypoints", "score"])
def test_what_is_not_finite_counts_as_missed(folder, as_results, field, value):
    truth = coco.load_ground_truth(folder)
    results = as_results(counted(truth))
    for spoilt in range(1, 4):
        bad = {"keypoints": [value] + results[spoilt - 1]["keypoints"][1:], "score": value}[field]
        results[spoilt - 1] = {**results[spoilt - 1], field: bad}
        left = coco.keypoint_ap(truth, results[spoilt:])
        assert coco.keypoint_ap(truth, results) == left and left["AR"] == pytest.approx(100 * (3 - spoilt) / 3)
        assert len(coco.load_results(truth, results).anns) == 3 - spoilt


@pytest.mark.parametrize(
    "ids", [range(5), [0.0, 1.0, 2.0, 3.0, 4.0], [f"uuid-{n}" for n in range(5)], [2**60 + n for n in range(5)]]
)
def test_annotation_ids_change_no_figure(tmp_path, content, as_results, ids):
    plain = coco.load_ground_truth(tmp_path / "a.json", content)
    results = jittered(counted(plain), np.random.default_rng(0), amount=0.02)
    for annotation, own in zip(content["annotations"], ids):
        annotation["id"] = own
    truth = coco.load_ground_truth(tmp_path / "a.json", content)
    assert coco.keypoint_ap(truth, results) == coco.keypoint_ap(plain, results)
    assert coco.keypoint_ap(truth, as_results(counted(truth)))["AP"] == pytest.approx(100)


@pytest.mark.parametrize("number", [0, 7])
def test_the_person_is_found_by_name(tmp_path, content, as_results, number):
    car = {**content["annotations"][0], "id": 90, "category_id": 1, "keypoints": [], "num_keypoints": 0}
    content["categories"] = [{"id": 1, "name": "car"}, {"id": number, "name": "person"}]
    content["annotations"] = [{**a, "category_id": number} for a in content["annotations"]] + [car]
    truth = coco.load_ground_truth(tmp_path / "a.json", content)
    assert len(truth.anns) == 5
    assert coco.keypoint_ap(truth, as_results(counted(truth)))["AP"] == pytest.approx(100)


def test_an_image_of_another_size_is_refused(folder):
    (folder / "images").mkdir()
    for name in ("1.png", "2.png"):
        cv2.imwrite(str(folder / "images" / name), np.zeros((100, 200, 3), np.uint8))
    truth = coco.load_ground_truth(folder)
    boxes = coco.ground_truth_boxes(truth)
    for predicted in (coco.predict(None, truth, folder, boxes), coco.predict_bottom_up(None, truth, folder)):
        with pytest.raises(DataError, match="1.png: expected the annotated size 200x200, got 200x100"):
            next(predicted)
