"""data/top_down.py."""

import dataclasses
import json
import shutil

import numpy as np
import pytest

from pose_estimation_ros.core.errors import DataError
from pose_estimation_ros.core.heatmap import decode
from pose_estimation_ros.core.skeleton import Skeleton
from pose_estimation_ros.training.data import top_down
from pose_estimation_ros.training.data.top_down import TopDownDataset
from pose_estimation_ros.training.recipe import Augmentation, Recipe, Source


def test_sample_without_augmentation_has_the_dots_under_the_peaks(recipe):
    dataset = TopDownDataset(recipe, recipe.train, augment=False)
    for index in range(len(dataset)):
        sample = dataset[index]
        assert {k: (v.shape, v.dtype.name) for k, v in sample.items()} == {
            "image": ((3, 32, 32), "float32"),
            "heatmaps": ((17, 8, 8), "float32"),
            "weight": ((17,), "float32"),
            "peak": ((17,), "float32"),
            "xy": ((17, 2), "float32"),
        }
        found, score = decode(sample["heatmaps"][None])
        assert np.abs(found[0] - sample["xy"]).max() <= 0.5


@pytest.mark.parametrize("seed", range(8))
def test_augmented_targets_stay_on_the_dots(dots, recipe, seed):
    """Whatever the crop, flip and rotation: under each label is its own dot, or all of them are mirrored."""
    recipe.input_size_wh, recipe.augmentation = [256, 256], Augmentation(flip=0.5, color=0, rotation_probability=1)
    dataset = TopDownDataset(recipe, recipe.train, augment=True)
    dataset.random.start(seed)
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


def test_real_crops(shared_data):
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


def test_images_can_be_chosen_by_name(recipe):
    recipe.train[0].names = "[25].png"
    assert [person.file_name for _, _, person in TopDownDataset(recipe, recipe.train, False).items] == [
        "2.png",
        "5.png",
    ]
    recipe.train[0].names = "lspet_*"
    with pytest.raises(DataError, match=r"expected images whose names match 'lspet_\*', got none"):
        TopDownDataset(recipe, recipe.train, augment=False)


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_share_of_flips_and_half_bodies(recipe, share):
    recipe.augmentation = Augmentation(flip=share, half_body=share, rotation_deg=0, scale=0, shift=0)
    dataset = TopDownDataset(recipe, recipe.train, augment=True)
    dataset.random.start(0)
    person = dataset.items[0][2]
    box, xy = person.box_xyxy.astype(float), person.keypoints[:, :2]
    views = [dataset.random_view(box, xy, np.ones(17, bool)) for _ in range(500)]
    assert np.mean([flip for _, _, flip in views]) == pytest.approx(share, abs=0.06)
    assert np.mean([(view != box).any() for view, _, _ in views]) == pytest.approx(share, abs=0.06)


def of_other_skeleton(recipe, folder, names):
    """The recipe with the joints of other names, which its annotation file has, too."""
    skeleton = Skeleton("other", tuple(names), (), (), None)
    content = json.loads((folder / "person_keypoints.json").read_text())
    content["categories"] = [{"id": 1, "name": "hand", "keypoints": list(names)}]
    (folder / "other.json").write_text(json.dumps(content))
    return dataclasses.replace(recipe, skeleton=skeleton.to_json(), train=[Source("other.json", "images")])


def test_without_flip_pairs_no_joint_changes_places(recipe, dots):
    still = dict(rotation_deg=0, scale=0, shift=0, half_body=0, color=0)
    recipe = of_other_skeleton(recipe, dots, ["k%d" % k for k in range(17)])
    recipe.augmentation = Augmentation(flip=1, **still)
    plain = TopDownDataset(recipe, recipe.train, augment=False)[2]
    turned = TopDownDataset(recipe, recipe.train, augment=True)[2]
    np.testing.assert_allclose(turned["image"], plain["image"][:, :, ::-1])
    np.testing.assert_allclose(turned["xy"], [(32 - 1) / 4, 0] + plain["xy"] * [-1, 1], atol=1e-5)


@pytest.mark.parametrize("names, is_halved", [(["k%d"], False), (["k%d_knee"], False), (["k%d", "k%d_heel"], True)])
def test_half_bodies_need_names_of_both_halves(recipe, dots, names, is_halved):
    recipe = of_other_skeleton(recipe, dots, [names[k % len(names)] % k for k in range(17)])
    recipe.augmentation = Augmentation(flip=0, half_body=1, rotation_deg=0, scale=0, shift=0)
    dataset = TopDownDataset(recipe, recipe.train, augment=True)
    dataset.random.start(0)
    person = dataset.items[0][2]
    box, xy = person.box_xyxy.astype(float), person.keypoints[:, :2]
    assert (dataset.random_view(box, xy, np.ones(17, bool))[0] != box).any() == is_halved


def test_annotations_of_another_skeleton_are_refused(recipe, dots):
    other = of_other_skeleton(recipe, dots, ["k%d" % k for k in range(17)])
    recipe.train = other.train
    with pytest.raises(DataError, match="other.json: .*'hand' is not of the skeleton coco17"):
        TopDownDataset(recipe, recipe.train, augment=True)


def test_changes_of_the_picture_are_used(recipe):
    still = dict(flip=0, rotation_deg=0, scale=0, shift=0, half_body=0, color=0)
    samples = {}
    for change in ("none", "cut_off", "covered", "far_away"):
        recipe.augmentation = Augmentation(**still, **({} if change == "none" else {change: 1.0}))
        dataset = TopDownDataset(recipe, recipe.train, augment=True)
        dataset.random.start(3)
        samples[change] = dataset[0]
    plain, cut, under = samples["none"], samples["cut_off"], samples["covered"]
    assert (plain["weight"] == 1).all() and (under["weight"] == 1).all() and 0 < cut["weight"].sum() < 17
    assert (under["image"] != plain["image"]).any() and (under["xy"] == plain["xy"]).all()
    assert (cut["xy"] != plain["xy"]).any()
    assert (samples["far_away"]["image"] != plain["image"]).any() and (samples["far_away"]["xy"] == plain["xy"]).all()


@pytest.fixture
def damaged(dots, recipe, tmp_path):
    """The dots with one image missing and one damaged."""
    shutil.copytree(dots, tmp_path / "dots")
    (tmp_path / "dots/images/2.png").unlink()
    (tmp_path / "dots/images/5.png").write_bytes(b"no image")
    recipe.data_root = str(tmp_path / "dots")
    return recipe


def test_a_bad_image_is_named_with_its_annotation(damaged):
    dataset = TopDownDataset(damaged, damaged.train, augment=False)
    for index, what in ((1, "image 2.png does not exist"), (4, "5.png: expected an image")):
        with pytest.raises(DataError, match=rf"{what}.*annotation {index + 1} of person_keypoints.json"):
            dataset[index]


def test_skip_bad_leaves_bad_images_out(damaged, capsys):
    damaged.skip_bad = True
    dataset = TopDownDataset(damaged, damaged.train, augment=False)
    assert "2 of 6 images skipped: 2.png, 5.png" in capsys.readouterr().err
    assert dataset.skipped == 2 and [person.annotation for _, _, person in dataset.items] == [1, 3, 4, 6]
    assert all(dataset[index]["weight"].sum() == 17 for index in range(4))


def test_detected_boxes_move_the_crop(dots, recipe, tmp_path):
    (tmp_path / "detections.json").write_text(
        '[{"image_id": 1, "category_id": 1, "bbox": [18, 8, 80, 80], "score": 0.9}]'
    )
    recipe.train[0] = Source(*[str(dots / name) for name in ("person_keypoints.json", "images")])
    plain = TopDownDataset(recipe, recipe.train, augment=False)
    recipe.train[0].detections = str(tmp_path / "detections.json")
    moved = TopDownDataset(recipe, recipe.train, augment=False)
    step = 10 * 32 / (80 * recipe.padding) / 4  # px of the image -> of the heatmap
    np.testing.assert_allclose(plain[0]["xy"] - moved[0]["xy"], np.tile([step, 0], (17, 1)), atol=1e-4)
    np.testing.assert_array_equal(plain[1]["xy"], moved[1]["xy"])


@pytest.mark.parametrize("annotations", ["mpii/test_mpii.json", "mpii/mpii_valid.h5", "crowdpose/test_crowdpose.json"])
def test_real_samples_of_other_sets(shared_data, annotations):
    """The labelled joints lie in the crop, because box and joints are of the same person."""
    folder = annotations.split("/")[0]
    skeleton = {"mpii": "mpii16", "crowdpose": "crowdpose14"}[folder]
    recipe = Recipe(data_root=str(shared_data), skeleton=skeleton, input_size_wh=[64, 64])
    dataset = TopDownDataset(recipe, [Source(annotations, f"{folder}/images")], augment=False)
    for index in range(2):
        sample = dataset[index]
        labelled = dataset.items[index][2].keypoints[:, 2] > 0
        assert sample["heatmaps"].shape == (len(labelled), 16, 16) and sample["image"].std() > 10
        inside = (sample["xy"][labelled] > -0.5) & (sample["xy"][labelled] < 15.5)
        assert inside.all(1).mean() > 0.8  # the box of one of CrowdPose ends above the ankles


def with_scores(recipe, dots, tmp_path, change):
    """Give the keypoints of all people scores, and change their annotations."""
    content = json.loads((dots / "person_keypoints.json").read_text())
    for item in content["annotations"]:
        item["keypoint_scores"] = [1.0] * 17
        change(item)
    file = tmp_path / "scored.json"
    file.write_text(json.dumps(content))
    recipe.train[0].annotations = str(file)


def unlabel(item, joint, score):
    """Remove the label of a joint of an annotation."""
    item["keypoints"][3 * joint : 3 * joint + 3] = [0, 0, 0]
    item["num_keypoints"] -= 1
    item["keypoint_scores"][joint] = score


def test_a_teachers_score_is_the_height_of_the_peak(dots, recipe, tmp_path):
    plain = TopDownDataset(recipe, recipe.train, augment=False)[1]
    with_scores(recipe, dots, tmp_path, lambda item: item["keypoint_scores"].__setitem__(9, 0.4))
    sample = TopDownDataset(recipe, recipe.train, augment=False)[1]
    height = np.where(np.arange(17) == 9, np.float32(0.4), 1)
    np.testing.assert_array_equal(sample["heatmaps"], plain["heatmaps"] * height[:, None, None].astype(np.float32))
    np.testing.assert_array_equal(sample["peak"], height.astype(np.float32))
    assert (sample["weight"] == 1).all()


@pytest.mark.parametrize("score, weight", [(0.0, 1), (0.09, 1), (0.1, 0), (0.29, 0)])
def test_what_a_teacher_does_not_find_is_absent_and_what_it_doubts_is_unknown(dots, recipe, tmp_path, score, weight):
    with_scores(recipe, dots, tmp_path, lambda item: unlabel(item, 5, score))
    recipe.augmentation = Augmentation(flip=1, rotation_deg=0, scale=0, shift=0, half_body=0, color=0)
    for augment, joint in ((False, 5), (True, 6)):  # the mirror image has the right shoulder there
        sample = TopDownDataset(recipe, recipe.train, augment)[1]
        assert sample["weight"].tolist() == [weight if k == joint else 1 for k in range(17)]
        assert not sample["heatmaps"][joint].any() and sample["peak"][joint] == 0
        assert (np.delete(sample["peak"], joint) == 1).all()


def test_scored_joints_that_are_cut_off_are_absent(dots, recipe, tmp_path):
    recipe.augmentation = Augmentation(flip=0, rotation_deg=0, scale=0, shift=0, half_body=0, color=0, cut_off=1)
    with_scores(recipe, dots, tmp_path, lambda item: None)
    dataset = TopDownDataset(recipe, recipe.train, augment=True)
    cut = 0
    for seed in range(12):
        dataset.random.start(seed)
        sample = dataset[seed % len(dataset)]
        absent = sample["peak"] == 0
        assert (sample["weight"] == 1).all() and not sample["heatmaps"][absent].any()
        cut += absent.sum()
    assert cut


@pytest.mark.parametrize(
    "scores",
    [
        [],
        None,
        "high",
        ["high"] * 17,
        [[1.0] * 17],
        [[1.0], [1.0, 1.0]] + [1.0] * 15,
        [1.0] * 16,
        [1.0] * 16 + [1.1],
        [-0.1] + [1.0] * 16,
        [float("nan")] * 17,
    ],
)
def test_scores_that_are_none(dots, recipe, tmp_path, scores):
    with_scores(recipe, dots, tmp_path, lambda item: item.update(keypoint_scores=scores))
    with pytest.raises(DataError, match="keypoint_scores are not a number from 0 to 1 for each keypoint"):
        TopDownDataset(recipe, recipe.train, augment=False)


def pairs(recipe, count, half_body=0, **changes):
    """Yield (sample, the same sample without ``changes``); half_body is the probability of half bodies in both."""
    still = Augmentation(flip=0, rotation_deg=0, scale=0, shift=0, half_body=half_body, color=0)
    recipe.input_size_wh = [64, 64]
    dataset = TopDownDataset(recipe, recipe.train, augment=True)
    for seed in range(count):
        made = []
        for ranges in (still, dataclasses.replace(still, **changes)):
            recipe.augmentation = ranges
            dataset.random.start(seed)
            made.append(dataset[seed % len(dataset)])
        before, sample = made
        for name in ("heatmaps", "peak", "xy"):
            np.testing.assert_array_equal(sample[name], before[name])
        yield sample, before


def test_joints_behind_a_neighbour_are_unknown_and_all_else_stays(recipe):
    shares, hidden = [], 0
    for sample, before in pairs(recipe, 24, neighbour=1.0):
        image = sample["image"]
        assert image.min() > -1e-3 and image.max() < 255.001 and image.dtype == np.float32
        shares.append((np.abs(image - before["image"]).max(0) > 1).mean())
        behind = (before["weight"] > 0) & (sample["weight"] == 0)
        assert not (sample["weight"] > before["weight"]).any()
        hidden += behind.sum()
    assert min(shares) > 0.005 and max(shares) < 0.9 and 0 < hidden < 24 * 17 / 2


def test_the_margin_around_the_person_in_front_grows_with_the_person_in_half_bodies_too(recipe, monkeypatch):
    lengths = []
    monkeypatch.setattr(top_down, "cut_out", lambda joints, picture, px: lengths.append(px) or np.zeros((64, 64)))
    people = [item[-1] for item in TopDownDataset(recipe, recipe.train, augment=False).items]
    ratios = []
    for number, (sample, _) in enumerate(pairs(recipe, 12, half_body=1, neighbour_behind=1.0)):
        person = people[number % len(people)]
        in_crop, in_image = (np.ptp(xy, axis=0).max() for xy in (4 * sample["xy"], person.keypoints[:, :2]))
        expected = in_crop / in_image * (person.box_xyxy[2:] - person.box_xyxy[:2]).max()
        assert lengths.pop() == pytest.approx(expected, rel=1e-3) and not lengths
        ratios.append(expected / (64 / recipe.padding))
    assert max(ratios) > 1.1, "half bodies fill the crop, so that whole ones are larger"


def test_a_neighbour_behind_hides_nothing_of_the_person(recipe):
    shares = []
    for sample, before in pairs(recipe, 24, neighbour_behind=1.0):
        np.testing.assert_array_equal(sample["weight"], before["weight"])
        change = np.abs(sample["image"] - before["image"]).max(0)
        pixels = np.round(before["xy"] * 4).astype(int)
        x, y = pixels[((pixels >= 0) & (pixels < 64)).all(1)].T
        assert change[y, x].max() < 20
        shares.append((change > 1).mean())
    assert np.mean(shares) > 0.02 and max(shares) < 0.9


def test_surroundings_change_only_what_is_outside_of_the_photograph(recipe):
    recipe.padding, filled = 4.0, 0
    for sample, before in pairs(recipe, 12, surroundings=1.0):
        np.testing.assert_array_equal(sample["weight"], before["weight"])
        changed = np.abs(sample["image"] - before["image"]).max(0) > 0
        assert before["image"][:, changed].max(initial=0) < 60
        filled += changed.sum()
    assert filled > 12 * 200


def test_no_dark_line_is_between_a_photograph_and_its_surroundings(recipe, monkeypatch):
    recipe.padding = 4.0
    recipe.augmentation = Augmentation(color=0, rotation_probability=1, surroundings=1.0)
    dataset = TopDownDataset(recipe, recipe.train, augment=True)
    read = top_down.read_item

    def white(*arguments):
        frame, person = read(*arguments)
        return np.full_like(frame, 255), person

    monkeypatch.setattr(top_down, "read_item", white)
    for seed in range(8):
        dataset.random.start(seed)
        assert dataset[seed % len(dataset)]["image"].min() > 254
