"""Which half an image is in, and annotations cut down to one."""

import zlib

import pytest

from pose_estimation_ros.core.errors import ConfigError, DataError
from pose_estimation_ros.datasets import mpii
from pose_estimation_ros.datasets.coco_index import load_ground_truth
from pose_estimation_ros.evaluation.splits import HALVES, half_of, is_in_half, select_half


# By coreutils: printf 139 | gzip -c | tail -c8 | od -An -tu4 -N4
@pytest.mark.parametrize("image_id, crc, half", [(139, 1904655245, "report"), (885, 2484409826, "choose")])
def test_the_half_is_the_parity_of_the_digits_crc32(image_id, crc, half):
    assert zlib.crc32(str(image_id).encode()) == crc and half_of(image_id) == half
    assert is_in_half(image_id, half) and is_in_half(image_id, None)
    assert not is_in_half(image_id, HALVES[1 - HALVES.index(half)])


def test_halves_are_about_equal_whatever_the_ids():
    for ids in (range(10_000), range(0, 20_000, 2), range(1, 10**9, 100_003)):
        share = sum(half_of(i) == "report" for i in ids) / len(ids)
        assert 0.47 < share < 0.53


def test_the_whole_stays_as_it_is(folder):
    truth = load_ground_truth(folder)
    assert select_half(truth, None) is truth


def moved(content):
    """Image 1 becomes 139 and 2 becomes 885, which are in different halves."""
    ids = {1: 139, 2: 885}
    images = [{**image, "id": ids[image["id"]]} for image in content["images"]]
    return {"images": images, "annotations": [{**a, "image_id": ids[a["image_id"]]} for a in content["annotations"]]}


@pytest.mark.parametrize("half, image_id, annotations", [("report", 139, [1, 2]), ("choose", 885, [1, 2, 3])])
def test_a_half_has_its_images_and_all_that_is_in_them(content, half, image_id, annotations):
    truth = select_half(load_ground_truth("a.json", moved(content)), half)
    assert list(truth.imgs) == [image_id] and sorted(truth.anns) == annotations
    assert [a["id"] for a in truth.imgToAnns[image_id]] == annotations


def test_a_half_without_people_is_refused(content):
    content = moved(content)
    content["annotations"] = content["annotations"][:2]
    with pytest.raises(DataError, match="persons with keypoints in the half 'choose', found none in 1 images"):
        select_half(load_ground_truth("a.json", content), "choose")


def test_mpii_has_no_halves(shared_data):
    persons = mpii.load_ground_truth(f"{shared_data}/mpii/test_mpii.json")
    assert select_half(persons, None) is persons
    with pytest.raises(ConfigError, match="COCO's or CrowdPose's annotations for the half 'report', got MPII's"):
        select_half(persons, "report")


def test_the_halves_of_the_images_at_hand(shared_data):
    truth = load_ground_truth(f"{shared_data}/coco_val")
    halves = [select_half(truth, half) for half in HALVES]
    assert [len(half.imgs) for half in halves] == [46, 51]
    assert {**halves[0].imgs, **halves[1].imgs} == truth.imgs
    assert sum(len(half.anns) for half in halves) == len(truth.anns)
