"""coco.py: AP against hand-made cases and against AP written out slowly, on made-up people and on real ones."""

import json

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from slow_ap import ANY, LARGE, MEDIUM, jittered, slow_ap

from pose_estimation_ros.core.errors import ConfigError
from pose_estimation_ros.core.skeleton import get_skeleton
from pose_estimation_ros.datasets import coco_index
from pose_estimation_ros.datasets.coco_fields import is_counted
from pose_estimation_ros.evaluation.metrics import coco

SIGMAS = get_skeleton("coco17").sigmas


def test_nothing_predicted(folder):
    assert coco.keypoint_ap(coco_index.load_ground_truth(folder), []) == dict.fromkeys(coco.METRICS, 0.0)


def counted(truth):
    return [a for a in truth.anns.values() if is_counted(a)]


def test_truth_as_prediction_is_perfect(folder, as_results):
    truth = coco_index.load_ground_truth(folder)
    figures = coco.keypoint_ap(truth, as_results(counted(truth)))
    assert figures == pytest.approx(dict.fromkeys(coco.METRICS, 100.0))


def test_one_of_three_found(folder, as_results):
    truth = coco_index.load_ground_truth(folder)
    figures = coco.keypoint_ap(truth, as_results([truth.anns[1]]))
    assert figures["AP"] == pytest.approx(100 * 34 / 101)  # 101 recall points, those up to 1/3
    assert figures["AR"] == pytest.approx(100 / 3)


def test_a_size_that_nobody_has_is_minus_one(folder, as_results):
    truth = coco_index.load_ground_truth(folder)
    for person in truth.anns.values():
        person["area"] = 50.0**2
    figures = coco.keypoint_ap(truth, as_results(counted(truth)))
    assert figures["APL"] == -1 and figures["APM"] == pytest.approx(100)


@pytest.mark.parametrize(
    "people, away, found, false",
    [
        ([], 0, 0, 0),
        ([1, 2, 3], 0, 100, 0),
        ([1, 1], 0, 100 / 3, 0.5),  # one person found twice, in two images
        ([1, 2], 500, 0, 1),
        ([4, 5], 0, 0, 0),  # a person without keypoints and a crowd
    ],
)
def test_people_found_and_false(folder, as_results, people, away, found, false):
    truth = coco_index.load_ground_truth(folder)
    results = as_results([truth.anns[number] for number in people])
    for result in results:
        result["keypoints"] = [value + away for value in result["keypoints"]]
    figures = coco.people_found(truth, results)
    assert figures == {"people_found": pytest.approx(found), "false_per_image": false}


def slow_figures(truth, results):
    def area_of(person):
        return person["area"]

    def run(between):
        return slow_ap(truth.imgs, list(truth.anns.values()), results, SIGMAS, area_of, between)

    (ap, recall), medium, large = run(ANY), run(MEDIUM)[0], run(LARGE)[0]
    return dict(zip(coco.METRICS, [np.mean(ap), ap[0], ap[5], np.mean(medium), np.mean(large), np.mean(recall)]))


def made_up(rng, count=17):
    """40 images of people of all sizes, crowds and unlabelled people among them."""
    images = [{"id": int(i), "file_name": f"{i}.jpg"} for i in rng.permutation(40)]
    annotations = []
    for number in range(1, 150):
        side = rng.choice([20, 31, 33, 60, 95, 97, 200], 2)
        box = [*rng.uniform(0, 300, 2).tolist(), *side.tolist()]
        visible = rng.integers(0, 3, (count, 1)) * rng.choice([0, 1, 1, 1])
        keypoints = np.concatenate([box[:2] + rng.uniform(0, 1, (count, 2)) * side, visible], 1)
        fields = {"image_id": int(rng.integers(40)), "category_id": 1, "iscrowd": int(rng.random() < 0.1), "bbox": box}
        labels = {"keypoints": keypoints.ravel().tolist(), "num_keypoints": int((visible > 0).sum())}
        annotations.append({"id": number, "area": float(side[0] * side[1]), **fields, **labels})
    return {"images": images, "annotations": annotations}


@pytest.mark.parametrize("seed", range(4))
def test_jittered_truth_agrees_with_ap_written_out(tmp_path, seed):
    rng = np.random.default_rng(seed)
    truth = coco_index.load_ground_truth(tmp_path / "made_up.json", made_up(rng))
    results = jittered(truth.anns.values(), rng)
    figures = coco.keypoint_ap(truth, results)
    assert 5 < figures["AP"] < 95 and len({*figures.values()}) == 6  # a case that says something
    assert figures == pytest.approx(slow_figures(truth, results), abs=1e-6)


def test_more_than_20_in_an_image(folder, as_results):
    """The 20 best are judged: people found by the 21st are missed."""
    truth = coco_index.load_ground_truth(folder)
    rng = np.random.default_rng(0)
    worse = [dict(r, score=0.95) for r in jittered([truth.anns[1]] * 60, rng, amount=5)][:20]
    results = worse + as_results(counted(truth))
    assert len(worse) == 20 and coco.keypoint_ap(truth, results) == pytest.approx(
        slow_figures(truth, results), abs=1e-6
    )


@pytest.mark.parametrize("name", ["person_keypoints.json", "person_keypoints_official.json"])
def test_real_people(shared_data, as_results, name):
    truth = coco_index.load_ground_truth(f"{shared_data}/coco_val/{name}")
    perfect = coco.keypoint_ap(truth, as_results(counted(truth)))
    assert perfect == pytest.approx(dict.fromkeys(coco.METRICS, 100.0))
    results = jittered(counted(truth), np.random.default_rng(1), amount=0.03)
    figures = coco.keypoint_ap(truth, results)
    assert 20 < figures["AP"] < 90
    assert figures == pytest.approx(slow_figures(truth, results), abs=1e-6)


ODD = [float("nan"), float("inf"), float("-inf")]


@pytest.mark.parametrize("value", ODD)
@pytest.mark.parametrize("field", ["keypoints", "score"])
def test_what_is_not_finite_counts_as_missed(folder, as_results, field, value):
    truth = coco_index.load_ground_truth(folder)
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
    plain = coco_index.load_ground_truth(tmp_path / "a.json", content)
    results = jittered(counted(plain), np.random.default_rng(0), amount=0.02)
    for annotation, own in zip(content["annotations"], ids):
        annotation["id"] = own
    truth = coco_index.load_ground_truth(tmp_path / "a.json", content)
    assert coco.keypoint_ap(truth, results) == coco.keypoint_ap(plain, results)
    assert coco.keypoint_ap(truth, as_results(counted(truth)))["AP"] == pytest.approx(100)


@pytest.mark.parametrize("number", [0, 7])
def test_the_person_is_found_by_name(tmp_path, content, as_results, number):
    car = {**content["annotations"][0], "id": 90, "category_id": 1, "keypoints": [], "num_keypoints": 0}
    content["categories"] = [{"id": 1, "name": "car"}, {"id": number, "name": "person"}]
    content["annotations"] = [{**a, "category_id": number} for a in content["annotations"]] + [car]
    truth = coco_index.load_ground_truth(tmp_path / "a.json", content)
    assert len(truth.anns) == 5
    assert coco.keypoint_ap(truth, as_results(counted(truth)))["AP"] == pytest.approx(100)


def official_figures(path, results, sigmas):
    """Return the figures of COCO's own program on the files, with sigmas of another data set."""
    truth = COCO(str(path))
    evaluation = COCOeval(truth, truth.loadRes(results), "keypoints")
    evaluation.params.kpt_oks_sigmas = np.array(sigmas)
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    return dict(zip(coco.METRICS, 100 * evaluation.stats[:6]))


@pytest.mark.parametrize("count", [1, 5, 21, 133])
def test_other_skeletons_agree_with_pycocotools(tmp_path, count):
    rng = np.random.default_rng(count)
    sigmas = rng.uniform(0.02, 0.1, count).tolist()
    category = {"id": 1, "name": "thing", "keypoints": [f"point {k}" for k in range(count)], "sigmas": sigmas}
    content = {**made_up(rng, count), "categories": [category]}
    path = tmp_path / "a.json"
    path.write_text(json.dumps(content))
    results = jittered([a for a in content["annotations"] if a["num_keypoints"] and not a["iscrowd"]], rng)
    figures = coco.keypoint_ap(coco_index.load_ground_truth(path), results)
    assert 5 < figures["AP"] < 95
    assert figures == pytest.approx(official_figures(path, results, sigmas), abs=1e-9)


def test_no_figures_without_sigmas(tmp_path, content, as_results):
    content["categories"][0]["keypoints"] = [f"point {k}" for k in range(17)]
    truth = coco_index.load_ground_truth(tmp_path / "a.json", content)
    with pytest.raises(ConfigError, match="expected --sigma"):
        coco.keypoint_ap(truth, as_results(counted(truth)))
