"""data/coco.py, data/images.py, data/augment.py, data/top_down.py."""

import io
import tarfile

import numpy as np
import pytest
import torch

from pose_estimation_ros.core.errors import DataError
from pose_estimation_ros.core.heatmap import decode
from pose_estimation_ros.training.config import Augmentation
from pose_estimation_ros.training.data.augment import half_body_box, random_box, random_color, random_rotation
from pose_estimation_ros.training.data.coco import load_persons
from pose_estimation_ros.training.data.images import ImageStore
from pose_estimation_ros.training.data.top_down import TopDownDataset

RNG = np.random.default_rng


def test_persons_without_crowds(dots):
    persons = load_persons(dots / "person_keypoints.json", 17)
    assert [p.file_name for p in persons] == [f"{n}.png" for n in range(1, 7)]
    assert persons[0].keypoints.shape == (17, 3) and persons[0].box_xyxy.tolist() == [8, 8, 88, 88]


@pytest.mark.parametrize(
    "content, message",
    [
        ("{", "cannot read annotations"),
        ("[]", "'images' and 'annotations'"),
        ('{"images": [], "annotations": []}', "found none in 0"),
        ('{"images": [{"id": 1, "file_name": "a"}], "annotations": [{"id": 7, "image_id": 1, "num_keypoints": 2,'
         '"keypoints": [1, 2, 2], "bbox": [0, 0, 1, 1]}]}', "annotation 7: expected 51 keypoint numbers"),
        ('{"images": [], "annotations": [{"id": 8, "image_id": 5, "num_keypoints": 2,'
         '"keypoints": %s, "bbox": [0, 0, 1, 1]}]}' % ([1] * 51), "annotation 8.*known image_id"),
    ],
)  # fmt: skip
def test_annotation_faults(tmp_path, content, message):
    path = tmp_path / "bad.json"
    path.write_text(content)
    with pytest.raises(DataError, match=message):
        load_persons(path, 17)


def test_images_from_folder_and_tar_are_the_same(dots, tmp_path):
    with tarfile.open(tmp_path / "pack_0.tar", "w") as tar:
        for path in sorted((dots / "images").iterdir()):
            info = tarfile.TarInfo("some_folder/" + path.name)
            info.size = path.stat().st_size
            tar.addfile(info, io.BytesIO(path.read_bytes()))
    folder, packed = ImageStore(dots / "images"), ImageStore(tmp_path / "pack_*.tar")
    np.testing.assert_array_equal(folder.read("3.png"), packed.read("3.png"))
    for store in (folder, packed):
        with pytest.raises(DataError, match="expected an image zzz.png"):
            store.read("zzz.png")


def test_image_faults(tmp_path):
    with pytest.raises(DataError, match="expected an image folder or tar files"):
        ImageStore(tmp_path / "nothing_*.tar")
    (tmp_path / "broken.jpg").write_bytes(b"no image")
    with pytest.raises(DataError, match="cannot decode image broken.jpg"):
        ImageStore(tmp_path).read("broken.jpg")


def test_sample_without_augmentation_has_the_dots_under_the_peaks(recipe):
    dataset = TopDownDataset(recipe, recipe.train, augment=False)
    for index in range(len(dataset)):
        sample = dataset[index]
        assert {k: (v.shape, v.dtype.name) for k, v in sample.items()} == {
            "image": ((3, 32, 32), "float32"),
            "heatmaps": ((17, 8, 8), "float32"),
            "weight": ((17,), "float32"),
            "xy": ((17, 2), "float32"),
        }
        found, score = decode(sample["heatmaps"][None])
        assert np.abs(found[0] - sample["xy"]).max() <= 0.5


@pytest.mark.parametrize("seed", range(8))
def test_augmented_targets_stay_on_the_dots(dots, recipe, seed):
    """Whatever the crop, flip and rotation: under each label is its own dot, or all of them are mirrored."""
    recipe.input_size_wh, recipe.augmentation = [256, 256], Augmentation(flip=0.5, color=0, rotation_probability=1)
    dataset = TopDownDataset(recipe, recipe.train, augment=True)
    torch.manual_seed(seed)
    sample = dataset[seed % 6]
    image = sample["image"].transpose(1, 2, 0)[:, :, ::-1]
    xy = sample["xy"] * 4
    inside = ((xy > 2) & (xy < 253)).all(1) & (sample["weight"] > 0)
    far = np.linalg.norm(xy[:, None] - xy[None], axis=-1) + 999 * np.eye(17)
    alone = np.flatnonzero(inside & (far.min(1) > 20))
    assert len(alone) >= 2
    seen = np.array([image[int(round(y)), int(round(x))] for x, y in xy[alone]])
    own = np.array([[15 * k, 255 - 15 * k, 255 * (k % 2)] for k in range(17)])
    as_is, mirrored = (np.abs(seen - own[order][alone]).max() for order in (np.arange(17), dataset.skeleton.flip_index))
    assert min(as_is, mirrored) < 40


def test_flip_exchanges_left_and_right(recipe):
    recipe.augmentation = Augmentation(flip=1, rotation_deg=0, scale=0, shift=0, half_body=0, color=0)
    plain = TopDownDataset(recipe, recipe.train, augment=False)[2]
    turned = TopDownDataset(recipe, recipe.train, augment=True)[2]
    np.testing.assert_allclose(turned["image"], plain["image"][:, :, ::-1])
    left, right = 5, 6  # shoulders
    expected = (32 - 1) / 4 - plain["xy"][right, 0], plain["xy"][right, 1]
    np.testing.assert_allclose(turned["xy"][left], expected, atol=1e-5)


def test_random_ranges():
    ranges, rng, box = Augmentation(scale=0.3, shift=0.1, rotation_deg=40), RNG(0), np.array([10.0, 20, 50, 100])
    boxes = np.array([random_box(box, ranges, rng) for _ in range(500)])
    sizes = (boxes[:, 2:] - boxes[:, :2]) / (box[2:] - box[:2])
    assert sizes.min() >= 0.7 and sizes.max() <= 1.3 and sizes.std() > 0.1
    np.testing.assert_allclose(sizes[:, 0], sizes[:, 1])
    shifts = ((boxes[:, :2] + boxes[:, 2:]) / 2 - [30, 60]) / [40, 80]
    assert np.abs(shifts).max() <= 0.1
    angles = np.array([random_rotation(ranges, rng) for _ in range(500)])
    assert np.abs(angles).max() <= 40 and 0.3 < (angles == 0).mean() < 0.5


def test_half_body_box_surrounds_the_chosen_half():
    xy, visible = np.stack([np.arange(17.0), 10 * np.arange(17.0)], 1), np.ones(17, bool)
    upper = np.arange(17) < 11
    found = {tuple(half_body_box(np.zeros(4), xy, visible, upper, RNG(seed))) for seed in range(10)}
    assert found == {(-2.5, -25.0, 12.5, 125.0), (9.75, 97.5, 17.25, 172.5)}
    few = np.arange(17) < 8
    assert half_body_box(np.ones(4), xy, few, upper, RNG(0)).tolist() == [1, 1, 1, 1]


def test_color_stays_an_image():
    image = np.full((3, 4, 4), 128, np.float32)
    changed = np.stack([random_color(image, 0.3, RNG(seed)) for seed in range(50)])
    assert changed.min() >= 0 and changed.max() <= 255 and changed.std() > 5
    np.testing.assert_array_equal(random_color(image, 0.0, RNG(0)), image)


def test_real_crops(shared_data):
    from pose_estimation_ros.training.config import Recipe, Source

    recipe = Recipe(data_root=str(shared_data))
    sources = [Source("crops/person_keypoints_holdout.json", "crops/crops_holdout.tar")]
    dataset = TopDownDataset(recipe, sources, augment=False)
    assert len(dataset) == 183
    sample = dataset[0]
    assert sample["weight"].sum() >= 8 and sample["image"].max() > 100


def test_json_without_images_folder(dots, recipe):
    recipe.train[0].images = "elsewhere"
    with pytest.raises(DataError, match="elsewhere"):
        TopDownDataset(recipe, recipe.train, augment=False)
