"""Bottom-up samples, on pictures whose joints and regions can be seen in the pixels."""

import json

import cv2
import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs torch")
pytest.importorskip("yaml", reason="recipes are yaml")

from pycocotools import mask as coco_mask  # noqa: E402

from pose_estimation_ros.core.errors import DataError  # noqa: E402
from pose_estimation_ros.core.geometry import apply, letterbox_matrix  # noqa: E402
from pose_estimation_ros.core.grouping import group, joint_order, merge_scales  # noqa: E402
from pose_estimation_ros.core.heatmap import encode  # noqa: E402
from pose_estimation_ros.core.skeleton import get_skeleton  # noqa: E402
from pose_estimation_ros.training.data.bottom_up import (  # noqa: E402
    MAX_PEOPLE,
    BottomUpDataset,
    joint_cells,
    people_heatmaps,
    random_matrix,
)
from pose_estimation_ros.training.data.scenes import load_scenes  # noqa: E402
from pose_estimation_ros.training.recipe import Augmentation, Recipe, Source, load_recipe  # noqa: E402

COCO = get_skeleton("coco17")
SIZE_WH = (128, 96)  # of the images
CROWD = [[60, 20], [100, 20], [100, 50], [60, 50]]  # corners
CROWD_MASK = np.zeros(SIZE_WH[::-1], np.uint8)
CROWD_MASK[20:50, 60:100] = 1


def person(xy, visible=None, **fields):
    seen = np.full(17, 2) if visible is None else np.asarray(visible) * 2
    keypoints = np.concatenate([xy * (seen > 0)[:, None], seen[:, None]], 1).ravel().tolist()
    low, size = xy.min(0), np.ptp(xy, 0)
    return {
        "image_id": 1, "category_id": 1, "iscrowd": 0, "num_keypoints": int((seen > 0).sum()),
        "keypoints": keypoints, "bbox": [*low.tolist(), *size.tolist()], **fields,
    }  # fmt: skip


def unknown(outline=None, iscrowd=0):
    """Somebody without keypoints (or a crowd) in the rectangle of CROWD_MASK."""
    item = {"image_id": 1, "category_id": 1, "iscrowd": iscrowd, "num_keypoints": 0, "keypoints": [0] * 51}
    return {**item, "bbox": [60, 20, 40, 30], **({"segmentation": outline} if outline else {})}


@pytest.fixture
def write(tmp_path):
    """A function that writes one image with a coloured dot per joint and its annotations; gives a recipe on them."""

    def save(items, image_fields=(), **recipe_fields):
        picture = np.full((*SIZE_WH[::-1], 3), 90, np.uint8)
        for item in items:
            for k, (x, y, seen) in enumerate(np.reshape(item["keypoints"], (-1, 3))):
                if seen:
                    cv2.circle(picture, (round(x), round(y)), 3, (15 * k, 255 - 15 * k, 255 * (k % 2)), -1)
        cv2.imwrite(str(tmp_path / "1.png"), picture)
        image = {"id": 1, "file_name": "1.png", "width": SIZE_WH[0], "height": SIZE_WH[1], **dict(image_fields)}
        items = [{**item, "id": number} for number, item in enumerate(items)]
        (tmp_path / "a.json").write_text(json.dumps({"images": [image], "annotations": items}))
        sources = [Source("a.json", ".")]
        fields = {"input_size_wh": [128, 128], "padding": 1.0, "data_root": str(tmp_path), "train": sources}
        return Recipe(task="bottom_up", **{**fields, **recipe_fields})

    return save


def places(seed=0, count=17):
    """xy of joints, whole px, none near another."""
    random = np.random.default_rng(seed)
    grid = np.array([(x, y) for y in range(10, 90, 13) for x in range(10, 120, 13)])
    return grid[random.permutation(len(grid))[:count]].astype(float)


def slow_heatmaps(xy, visible, size_wh, sigma):
    maps = [encode(p, v, size_wh, sigma)[0] for p, v in zip(xy, visible)]
    return np.max(maps, 0) if maps else np.zeros((xy.shape[1], size_wh[1], size_wh[0]))


def test_an_image_with_nobody_but_a_crowd_beside_one_with_a_person(write, tmp_path):
    recipe = write([unknown(iscrowd=1)])
    content = json.loads((tmp_path / "a.json").read_text())
    content["images"] += [{"id": 2, "file_name": "1.png"}, {"id": 3, "file_name": "1.png"}]
    content["annotations"].append({**person(places()), "id": 9, "image_id": 3})
    (tmp_path / "a.json").write_text(json.dumps(content))
    dataset = BottomUpDataset(recipe, recipe.train, augment=False)
    assert len(dataset) == 2  # the second has no annotation at all
    empty = dataset[0]
    assert not empty["heatmaps"].any() and (empty["cells"] == -1).all() and not empty["mask"].all()
    assert dataset[1]["mask"].all() and (dataset[1]["cells"][0] >= 0).all()


def test_a_sample_has_the_dots_under_the_peaks_at_both_scales(write):
    recipe = write([person(places(0)), person(places(1), np.arange(17) < 9)])
    sample = BottomUpDataset(recipe, recipe.train, augment=False)[0]
    assert {k: (v.shape, v.dtype.name) for k, v in sample.items()} == {
        "image": ((3, 128, 128), "float32"),
        "heatmaps": ((17, 32, 32), "float32"),
        "heatmaps_2x": ((17, 64, 64), "float32"),
        "mask": ((17, 32, 32), "float32"),
        "mask_2x": ((17, 64, 64), "float32"),
        "cells": ((MAX_PEOPLE, 17), "int64"),
        "xy": ((MAX_PEOPLE, 17, 2), "float32"),
    }
    xy = np.stack([places(0), places(1)])
    visible = np.array([np.ones(17, bool), np.arange(17) < 9])
    np.testing.assert_allclose(sample["heatmaps"], slow_heatmaps(xy / 4, visible, (32, 32), 2.0), atol=1e-3)
    np.testing.assert_allclose(sample["heatmaps_2x"], slow_heatmaps(xy / 2, visible, (64, 64), 2.0), atol=1e-3)
    assert sample["mask"].all() and sample["mask_2x"].all()
    np.testing.assert_allclose(sample["xy"][:2][visible], (xy / 4)[visible])
    y, x = np.divmod(sample["cells"][:2], 32)
    assert (sample["cells"][1, 9:] == -1).all() and (sample["cells"][2:] == -1).all()
    assert np.abs(np.stack([x, y], -1) - xy / 4)[visible].max() <= 0.5


def test_without_augmentation_it_is_the_runtimes_letterbox(write):
    recipe = write([person(places())], input_size_wh=[64, 64])
    sample = BottomUpDataset(recipe, recipe.train, augment=False)[0]
    expected = apply(letterbox_matrix(SIZE_WH, (64, 64)), places())
    np.testing.assert_allclose(sample["xy"][0] * 4, expected, atol=1e-4)
    assert (sample["image"][:, 48:] == 0).all() and (sample["image"][:, :47] > 0).any()


@pytest.mark.parametrize("seed", range(8))
def test_augmented_targets_stay_on_the_dots(write, seed):
    """Whatever the map: under each label is its own dot, or all of them are mirrored."""
    recipe = write([person(places(seed))], input_size_wh=[256, 256])
    recipe.augmentation = Augmentation(color=0, rotation_deg=30, rotation_probability=1, zoom=[0.75, 1.5])
    dataset = BottomUpDataset(recipe, recipe.train, augment=True)
    dataset.random.start(seed)
    sample = dataset[0]
    known = np.flatnonzero(sample["cells"][0] >= 0)
    assert len(known) > 4
    xy = sample["xy"][0, known] * 4
    inside = ((xy > 3) & (xy < 252)).all(1)
    seen = np.array([sample["image"][::-1, round(y), round(x)] for x, y in xy[inside].tolist()])
    own = np.array([[15 * k, 255 - 15 * k, 255 * (k % 2)] for k in range(17)])
    as_is, mirrored = (
        np.abs(seen - own[order][known[inside]]).max() for order in (np.arange(17), COCO.flip_index)
    )  # fmt: skip
    assert min(as_is, mirrored) < 40


@pytest.mark.parametrize("people", [1, 2])
@pytest.mark.parametrize("seed", range(3))
def test_labels_in_a_mosaic_are_on_the_dots_of_four_pictures(write, people, seed):
    recipe = write(dotted(people), input_size_wh=[256, 256])
    recipe.augmentation = Augmentation(flip=0, rotation_deg=0, zoom=[0.9, 1.1], translate_px=9, color=0, mosaic=1)
    dataset = BottomUpDataset(recipe, recipe.train, augment=True)
    dataset.random.start(seed)
    sample = dataset[0]
    assert (sample["cells"] >= 0).any(1).sum() == 4 * people
    own = np.array([[15 * k, 255 - 15 * k, 255 * (k % 2)] for k in range(17)])
    for xy, cells in zip(sample["xy"] * 4, sample["cells"]):
        inside = (cells >= 0) & ((xy > 2) & (xy < 253)).all(1)
        seen = [sample["image"][::-1, y, x] for x, y in np.round(xy[inside]).astype(int)]
        assert np.abs(np.reshape(seen, (-1, 3)) - own[inside]).max(initial=0) < 60
    assert sample["mask"].all()


def dotted(people):
    """People who share no dot: joint k of each is where no other joint is."""
    grid = places(0, 17 * people).reshape(people, 17, 2)
    return [person(xy) for xy in grid]


def test_pasted_people_are_no_samples_but_in_front_of_them(write, tmp_path):
    recipe = write([])
    content = json.loads((tmp_path / "a.json").read_text())
    annotation = {**person(places()), "id": 1, "image_id": 1}
    (tmp_path / "people.json").write_text(json.dumps({**content, "annotations": [annotation]}))
    content["images"].append({**content["images"][0], "id": 2})
    content["annotations"] = [{**annotation, "image_id": 2}]
    (tmp_path / "a.json").write_text(json.dumps(content))
    recipe.train = [Source("a.json", ".", empty=True), Source("people.json", ".", repeat=3, pasted=True)]
    recipe.augmentation = Augmentation(pasted=5, pasted_px=[40, 100], color=0)
    dataset = BottomUpDataset(recipe, recipe.train, augment=True)
    assert (len(dataset), len(dataset.people)) == (2, 3)
    counts = []
    for seed in range(30):
        dataset.random.start(seed)
        counts.append(int((dataset[0]["cells"] >= 0).any(1).sum()))  # the image of nobody
    assert max(counts) > 2 and min(counts) <= 1
    assert not (BottomUpDataset(recipe, recipe.train, augment=False)[0]["cells"] >= 0).any()


@pytest.mark.parametrize(
    "sources, message",
    [
        ([{"pasted": True}], "expected a source whose images are samples"),
        ([{}], "expected a source with pasted: true whose images show one person each"),
        ([{}, {"pasted": True}], "whose images show one person each"),
    ],
)
def test_sources_between_which_nothing_can_be_pasted(write, sources, message):
    recipe = write(dotted(2), augmentation=Augmentation(pasted=2))
    recipe.train = [Source("a.json", ".", **fields) for fields in sources]
    with pytest.raises(DataError, match=message):
        BottomUpDataset(recipe, recipe.train, augment=True)


@pytest.mark.parametrize(
    "outline",
    [
        None,
        [np.ravel(CROWD).tolist()],
        [[60, 20, 80, 20, 80, 50, 60, 50], [80, 20, 100, 20, 100, 50, 80, 50]],
        [[1, 2]],  # too short for a polygon
        {"size": [96, 128], "counts": [60 * 96 + 20] + [30, 66] * 39 + [30, 46 + 28 * 96]},
        {**coco_mask.encode(np.asfortranarray(CROWD_MASK)), "counts": "compressed"},
    ],
    ids=["box", "polygon", "two polygons", "no polygon", "RLE", "compressed RLE"],
)
@pytest.mark.parametrize("iscrowd", [0, 1])
def test_who_has_no_keypoints_is_masked(write, outline, iscrowd):
    if isinstance(outline, dict) and outline["counts"] == "compressed":
        outline = dict(outline, counts=coco_mask.encode(np.asfortranarray(CROWD_MASK))["counts"].decode())
    corner = np.tile([[10.0, 80.0]], (17, 1))
    recipe = write([person(corner), unknown(outline, iscrowd)])
    sample = BottomUpDataset(recipe, recipe.train, augment=False)[0]
    for mask, stride in ((sample["mask"][0], 4), (sample["mask_2x"][0], 2)):
        seen = CROWD_MASK[::stride, ::stride]
        wrong = (mask == 0)[: 96 // stride] != seen
        rim = cv2.dilate(seen, np.ones((3, 3))) != cv2.erode(seen, np.ones((3, 3)))
        assert not wrong[~rim].any() and mask[96 // stride :].all()  # below is what the letterbox adds


def test_a_labelled_joint_in_front_of_a_crowd_counts(write):
    recipe = write([person(np.tile([[80.0, 36.0]], (17, 1))), unknown(iscrowd=1)])
    sample = BottomUpDataset(recipe, recipe.train, augment=False)[0]
    assert sample["mask"][0, 9, 20] == 1 and sample["mask"][0, 9, 15] == 0
    assert sample["heatmaps"][0, 9, 20] > 0.9


def test_what_a_model_did_not_see_is_neither_there_nor_background(write):
    """In the box of a person labelled "pseudo", for the joints that it lacks; not where somebody has that joint."""
    corner, rest = np.tile([[10.0, 80.0]], (17, 1)), np.tile([[80.0, 36.0]], (17, 1))
    some = np.arange(17) < 9
    unsure = person(corner, some, label="pseudo", bbox=[60, 20, 40, 40])
    sample = write_and_read(write, [unsure, person(rest, np.arange(17) == 9)])
    hidden = np.zeros((32, 32), bool)
    hidden[5:16, 15:26] = True
    assert sample["mask"][some].all()  # the joints that it has
    assert not sample["mask"][10, hidden].any() and sample["mask"][10, ~hidden].all()
    assert sample["mask"][9, 9, 20] == 1 and sample["mask"][9, 9, 15] == 0  # the other's joint, inside that box
    sure = write_and_read(write, [{k: v for k, v in unsure.items() if k != "label"}])
    assert sure["mask"].all() and sure["mask_2x"].all()


def test_a_teacher_says_how_high_a_peak_is_and_which_joints_are_not_there(write):
    scores = np.full(17, 0.6)
    scores[9:12] = 0.05, 0.2, 0.3
    xy = places()
    sample = write_and_read(write, [person(xy, np.arange(17) < 9, keypoint_scores=scores.tolist())])
    whole = slow_heatmaps(xy[None] / 4, np.arange(17)[None] < 9, (32, 32), 2.0)
    np.testing.assert_allclose(sample["heatmaps"], 0.6 * whole, atol=1e-3)
    assert np.flatnonzero((sample["mask"] == 0).any((1, 2))).tolist() == [10, *range(11, 17)]
    assert (sample["cells"][0] >= 0).sum() == 9


def write_and_read(write, items):
    recipe = write(items)
    return BottomUpDataset(recipe, recipe.train, augment=False)[0]


def test_a_mirrored_unsure_person_lacks_the_mirrored_joints(write):
    recipe = write([person(places(), np.arange(17) != 9, label="pseudo")])  # the left wrist
    recipe.augmentation = Augmentation(flip=1, rotation_deg=0, zoom=[1, 1], translate_px=0, color=0)
    sample = BottomUpDataset(recipe, recipe.train, augment=True)[0]
    assert np.flatnonzero((sample["mask"] == 0).any((1, 2))).tolist() == [10]


@pytest.mark.parametrize("seed", range(4))
def test_masks_move_with_the_pixels(write, seed):
    """The crowd is painted white: the masked cells are the white ones, but for the rim."""
    recipe = write([person(np.tile([[10.0, 80.0]], (17, 1))), unknown(iscrowd=1)])
    picture = np.repeat(CROWD_MASK[..., None] * 255, 3, 2)
    cv2.imwrite(str(recipe.path("1.png")), picture)
    recipe.augmentation = Augmentation(color=0, rotation_deg=30, rotation_probability=1, zoom=[0.75, 1.5])
    dataset = BottomUpDataset(recipe, recipe.train, augment=True)
    dataset.random.start(seed)
    sample = dataset[0]
    for mask, stride in ((sample["mask"][0], 4), (sample["mask_2x"][0], 2)):
        white = sample["image"][0, ::stride, ::stride]
        counted = sample["heatmaps" if stride == 4 else "heatmaps_2x"].max(0) > 0.05
        assert (mask[(white > 250) & ~counted] == 0).all() and (mask[white < 5] == 1).all()
        assert (mask == 0).any()


@pytest.mark.parametrize(
    "image_wh, size_wh", [((640, 480), (448, 448)), ((300, 500), (256, 256)), ((200, 100), (128, 64))]
)
def test_random_matrices_keep_their_ranges(image_wh, size_wh):
    ranges = Augmentation(rotation_deg=30, rotation_probability=1, zoom=[0.75, 1.5], translate_px=40, flip=0.5)
    rng, flips = np.random.default_rng(0), 0
    made = [random_matrix(image_wh, size_wh, ranges, rng) for _ in range(400)]
    centre = (np.array(image_wh) - 1) / 2
    zooms, angles, shifts = [], [], []
    for matrix, flip in made:
        linear = matrix[:, :2] * ([[-1], [1]] if flip else 1)
        zooms.append(np.sqrt(np.linalg.det(linear)) / min(np.array(size_wh) / image_wh))
        angles.append(np.rad2deg(np.arctan2(linear[1, 0], linear[0, 0])))
        shifts.append(apply(matrix, centre) - apply(letterbox_matrix(image_wh, size_wh), centre))
        flips += flip
    assert 0.75 <= min(zooms) < 0.78 and 1.45 < max(zooms) <= 1.5 and abs(np.log(zooms).mean() - 0.06) < 0.03
    assert -30 <= min(angles) < -28 and 28 < max(angles) <= 30
    assert np.abs(shifts).max() <= 40 and np.ptp(shifts, 0).min() > 75
    assert 150 < flips < 250


class LitePosesCode:
    """RandomAffineTransform of the authors' transforms.py with scale_type short, and the flip behind it."""

    def __init__(self, seed, input_size, max_rotation=30, min_scale=0.75, max_scale=1.5, max_translate=40):
        self.random, self.input_size, self.max_rotation = np.random.RandomState(seed), input_size, max_rotation
        self.min_scale, self.max_scale, self.max_translate = min_scale, max_scale, max_translate

    def __call__(self, width, height):
        center = np.array((width / 2, height / 2))
        scale = min(height, width) / 200
        scale *= self.random.random_sample() * (self.max_scale - self.min_scale) + self.min_scale
        rot = (self.random.random_sample() * 2 - 1) * self.max_rotation
        center += [self.random.randint(-self.max_translate * scale, self.max_translate * scale) for _ in range(2)]
        h, res = 200 * scale, self.input_size
        t = np.array(
            [[res / h, 0, res * (-center[0] / h + 0.5)], [0, res / h, res * (-center[1] / h + 0.5)], [0, 0, 1]]
        )
        sn, cs = np.sin(-rot * np.pi / 180), np.cos(-rot * np.pi / 180)
        to_middle, back = np.eye(3), np.eye(3)
        to_middle[:2, 2], back[:2, 2] = -res / 2, res / 2
        return (back @ np.array([[cs, -sn, 0], [sn, cs, 0], [0, 0, 1]]) @ to_middle @ t)[:2]


@pytest.mark.parametrize("image_wh", [(640, 480), (333, 500)])
@pytest.mark.parametrize("name, size", [("litepose_s_crowdpose", 448), ("litepose_xs_coco", 256)])
def test_litepose_recipes_draw_as_litepose_code(repository, name, size, image_wh):
    """Size of people, angle and place of the image's centre, by their quantiles; the place along the image's axes."""
    ranges = load_recipe(repository / "config" / "training" / f"{name}.yaml").augmentation
    rng, code = np.random.default_rng(1), LitePosesCode(2, size)
    drawn, expected = [], []
    for _ in range(5000):
        matrix = unmirrored(*random_matrix(image_wh, (size, size), ranges, rng), size)
        drawn.append(described(matrix, (np.array(image_wh) - 1) / 2, (size - 1) / 2, turn_back=False))
        expected.append(described(code(*image_wh), np.array(image_wh) / 2, size / 2, turn_back=True))
    levels = np.linspace(0, 1, 11)
    for column, tolerance in zip(range(4), (0.02 * size / min(image_wh), 1.5, 0.012 * size, 0.012 * size)):
        found, wanted = (np.quantile(np.array(part)[:, column], levels) for part in (drawn, expected))
        np.testing.assert_allclose(found, wanted, atol=tolerance)


def unmirrored(matrix, flip, size):
    """The map without the mirroring of its result, which is ``size`` wide."""
    return matrix * [[-1], [1]] + [[0, 0, size - 1], [0, 0, 0]] if flip else matrix


def described(matrix, middle, target, turn_back):
    """Scale, angle in degrees, and how far the image's centre is from the input's, perhaps along the image's axes."""
    scale, angle = np.sqrt(np.linalg.det(matrix[:, :2])), np.arctan2(matrix[1, 0], matrix[0, 0])
    away = apply(matrix, middle[None])[0] - target
    if turn_back:
        away = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]) @ away
    return [scale, np.rad2deg(angle), *away]


def test_wlitepose_recipes_draw_what_is_printed(repository):
    """0.75 to 1.5 times the size that people have in the test, where the short side fills the input, and +-40 px."""
    ranges = load_recipe(repository / "config" / "training" / "wlitepose_s_coco.yaml").augmentation
    rng, test_scale, middle = np.random.default_rng(1), 448 / 480, np.array([319.5, 239.5])
    matrices = [unmirrored(*random_matrix((640, 480), (448, 448), ranges, rng), 448) for _ in range(4000)]
    drawn = np.array([described(matrix, middle, 223.5, turn_back=False) for matrix in matrices])
    for column, low, high in ((0, 0.75 * test_scale, 1.5 * test_scale), (1, -30, 30), (2, -40, 40), (3, -40, 40)):
        found, expected = np.quantile(drawn[:, column], np.linspace(0, 1, 11)), np.linspace(low, high, 11)  # uniform
        np.testing.assert_allclose(found, expected, atol=0.03 * (high - low))


def test_without_random_changes_training_sees_what_is_served():
    still = Augmentation(flip=0, rotation_deg=0, zoom=[1, 1], translate_px=0)
    matrix, flip = random_matrix((640, 480), (192, 192), still, np.random.default_rng(0))
    np.testing.assert_allclose(matrix, letterbox_matrix((640, 480), (192, 192)))
    assert not flip


def test_a_mirrored_sample_exchanges_left_and_right(write):
    recipe = write([person(places())], input_size_wh=[96, 96])
    still = {"rotation_deg": 0, "zoom": [1, 1], "translate_px": 0, "color": 0}
    plain, turned = (
        BottomUpDataset(recipe, recipe.train, augment=True)[0]
        for recipe.augmentation in (Augmentation(flip=0, **still), Augmentation(flip=1, **still))
    )
    np.testing.assert_allclose(turned["image"], plain["image"][:, :, ::-1], atol=1)
    mirrored = (plain["xy"][0] * [-1, 1] + [95 / 4, 0])[COCO.flip_index]
    both = (plain["cells"][0][COCO.flip_index] >= 0) & (turned["cells"][0] >= 0)
    assert both.sum() > 8
    np.testing.assert_allclose(turned["xy"][0][both], mirrored[both], atol=1e-4)


@pytest.mark.parametrize("count", [0, 1, 40])
def test_windows_and_whole_maps_agree(count):
    random = np.random.default_rng(count)
    xy = random.uniform(-20, 60, (count, 1, 2)) + random.normal(0, 6, (count, 17, 2))
    visible = random.random((count, 17)) < 0.5
    visible[:, 0] = True
    ours, slow = people_heatmaps(xy, visible, (48, 40), 2.0), slow_heatmaps(xy, visible, (48, 40), 2.0)
    assert ours.shape == (17, 40, 48)
    np.testing.assert_allclose(ours, slow, atol=5e-4)


def test_cells_of_those_who_can_be_seen_and_of_no_more_than_thirty():
    xy = np.full((40, 17, 2), 5.0)
    xy[:8] = -3  # outside
    xy[8, 0], xy[8, 1], xy[8, 2], xy[8, 3] = (-0.4, 0), (-0.6, 0), (47.4, 39.4), (47.6, 39)
    cells, places = joint_cells(xy, np.arange(17) < np.full((40, 1), 16), (48, 40))
    assert cells.shape == (MAX_PEOPLE, 17) and (cells[:, :16] >= 0).sum() == 30 * 16 - 2
    assert cells[0, :5].tolist() == [0, -1, 39 * 48 + 47, -1, 5 * 48 + 5] and (cells[:, 16] == -1).all()
    assert places[0, 4].tolist() == [5, 5]


@pytest.mark.parametrize(
    "items, image_fields, message",
    [
        ([], (), "expected persons with keypoints in images with complete annotations, found none"),
        ([unknown()], (), "found none"),
        ([person(places())], {"annotations_complete": False}, "found none"),
        ([{**person(places()), "keypoints": [1, 2, 2]}], (), "1 persons without the 51 finite numbers of coco17"),
        ([person(places()), unknown()], {"file_name": "1.png", "height": None}, "expected width and height of image 1"),
    ],
)
def test_files_without_use(write, tmp_path, items, image_fields, message):
    recipe = write(items, image_fields)
    if "height" in dict(image_fields):
        content = json.loads((tmp_path / "a.json").read_text())
        del content["images"][0]["height"]
        (tmp_path / "a.json").write_text(json.dumps(content))
    with pytest.raises(DataError, match=message):
        BottomUpDataset(recipe, recipe.train, augment=False)


def test_a_missing_image_is_named_or_skipped(write, tmp_path, capsys):
    recipe = write([person(places())])
    content = json.loads((tmp_path / "a.json").read_text())
    content["images"].append({**content["images"][0], "id": 2, "file_name": "gone.png"})
    content["annotations"].append({**content["annotations"][0], "id": 5, "image_id": 2})
    (tmp_path / "a.json").write_text(json.dumps(content))
    with pytest.raises(DataError, match=r"image gone.png does not exist.*\(an image of a.json\)"):
        BottomUpDataset(recipe, recipe.train, augment=False)[1]
    recipe.skip_bad = True
    dataset = BottomUpDataset(recipe, recipe.train, augment=False)
    assert "1 of 2 images skipped: gone.png" in capsys.readouterr().err
    assert len(dataset) == dataset.skipped == 1


def test_real_images_come_back_through_the_grouping(shared_data):
    """Targets as if they were a network's answer, perfect tags: the people of COCO's images are found again."""
    recipe = Recipe(task="bottom_up", data_root=str(shared_data), input_size_wh=[448, 448])
    dataset = BottomUpDataset(recipe, [Source("coco_train/person_keypoints.json", "coco_train/images")], augment=False)
    assert len(dataset) == 53  # 51 of the 104 have incomplete annotations
    found = total = 0
    for index in range(0, 53, 4):
        sample = dataset[index]
        tags = np.zeros((17, 112, 112), np.float32)
        for number, cells in enumerate(sample["cells"]):
            for k in np.flatnonzero(cells >= 0):
                y, x = divmod(cells[k], 112)
                tags[k, max(y - 1, 0) : y + 2, max(x - 1, 0) : x + 2] = 3 * number
        tags_2x = tags.repeat(2, 1).repeat(2, 2)
        xy, _, _ = group(merge_scales(sample["heatmaps"], sample["heatmaps_2x"]), tags_2x, joint_order(COCO))
        for person_xy, cells in zip(sample["xy"], sample["cells"]):
            known = cells >= 0
            if known.sum() > 2:
                total += 1
                errors = np.abs(xy[:, known] / 2 - person_xy[known]).max((1, 2))
                found += errors.min(initial=99) < 1
    assert total > 20 and found > 0.7 * total  # neighbours in a crowd share pixels at this size


def test_crowdpose(shared_data):
    scenes = load_scenes(shared_data + "/crowdpose/test_crowdpose.json", get_skeleton("crowdpose14"))
    assert sorted(len(scene.keypoints) for scene in scenes) == [2, 2]  # and one person without keypoints
    assert all(scene.keypoints.shape[1:] == (14, 3) for scene in scenes)
    assert [bool(scene.ignored) for scene in scenes].count(True) == 1
