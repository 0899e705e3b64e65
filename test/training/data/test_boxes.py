"""Detector samples: reading, views, mosaics and targets, on pictures whose boxes can be seen in the pixels."""

import json

import cv2
import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs torch")
pytest.importorskip("yaml", reason="recipes are yaml")

from pose_estimation_ros.core.geometry import iou, letterbox_matrix  # noqa: E402
from pose_estimation_ros.training.data.augment import shrink  # noqa: E402
from pose_estimation_ros.training.data.boxes import (  # noqa: E402
    UNCERTAIN_SCORES,
    BoxesDataset,
    Scene,
    View,
    cut_behind,
    encode_targets,
    join_tiles,
    load_scenes,
    make_view,
    paste,
    random_matrix,
)
from pose_estimation_ros.training.recipe import Recipe, Source  # noqa: E402

SIZE_WH = (64, 48)


def white_box(box=(20, 10, 40, 40), size_wh=(100, 60), score=1.0, complete=True):
    """A frame with one white box on black, and its scene; the box is xyxy of pixel edges."""
    frame = np.zeros((size_wh[1], size_wh[0], 3), np.uint8)
    x1, y1, x2, y2 = box
    frame[y1:y2, x1:x2] = 255
    return frame, Scene("a.png", np.array([box], float) - 0.5, np.array([score]), complete)


def pixels_box(image):
    """The box of the bright pixels, edges."""
    y, x = np.nonzero(image[..., 0] > 127)
    return np.array([[x.min() - 0.5, y.min() - 0.5, x.max() + 0.5, y.max() + 0.5]])


def empty_view(known=True):
    shape = SIZE_WH[::-1]
    return View(np.zeros((*shape, 3), np.uint8), np.zeros((0, 4), np.float32), np.zeros(0), np.full(shape, known))


def test_load_scenes(tmp_path):
    images = [{"id": 3, "file_name": "a.jpg"}, {"id": 4, "file_name": "b.jpg", "annotations_complete": False}]
    items = [{"image_id": 4, "bbox": [1, 2, 3, 4]}, {"image_id": 4, "bbox": [5, 6, 7, 8], "iscrowd": 1}]
    path = tmp_path / "boxes.json"
    path.write_text(json.dumps({"images": images, "annotations": items}))
    empty, two = load_scenes(path)
    assert empty.box_xyxy.shape == (0, 4) and empty.complete and not two.complete
    assert two.box_xyxy.tolist() == [[1, 2, 4, 6], [5, 6, 12, 14]]
    np.testing.assert_array_equal(two.score, [1, np.nan])


@pytest.mark.parametrize("iscrowd", [0, 1])
def test_a_teachers_score_becomes_what_is_learned(tmp_path, iscrowd):
    scores = [0.02, UNCERTAIN_SCORES[0], sum(UNCERTAIN_SCORES) / 2, UNCERTAIN_SCORES[1], 0.9]
    items = [{"image_id": 1, "bbox": [n, 0, 2, 2], "iscrowd": iscrowd, "score": s} for n, s in enumerate(scores)]
    path = tmp_path / "boxes.json"
    path.write_text(json.dumps({"images": [{"id": 1, "file_name": "a.jpg"}], "annotations": items}))
    (scene,) = load_scenes(path)
    assert scene.box_xyxy[:, 0].tolist() == [2, 3, 4]  # the first two are background
    assert scene.score.tolist() == pytest.approx([0.5, 1, 1])


def test_view_of_nobody():
    frame, _ = white_box()
    nobody = Scene("a.png", np.zeros((0, 4)), np.zeros(0), True)
    view = make_view(frame, nobody, letterbox_matrix((100, 60), SIZE_WH), SIZE_WH)
    assert view.box_xyxy.shape == (0, 4) and view.known.all()


@pytest.mark.parametrize("mirror", [False, True])
def test_random_views_move_boxes_with_the_pixels(mirror):
    rng = np.random.default_rng(1)
    frame, scene = white_box()
    shown = 0
    for _ in range(20):
        matrix = random_matrix((100, 60), SIZE_WH, (0.7, 2.0), mirror, rng)
        assert np.sign(matrix[0, 0]) == (-1 if mirror else 1)
        view = make_view(frame, scene, matrix, SIZE_WH)
        if len(view.box_xyxy) and not np.isnan(view.score[0]):
            shown += 1
            assert iou(view.box_xyxy, pixels_box(view.image))[0, 0] > 0.85
    assert shown > 10


@pytest.mark.parametrize(
    "shift_x, count, ignored",
    [(0, 1, False), (-26, 1, False), (-34, 1, True), (-60, 0, None)],  # whole, 14 of 20 px seen, 6 seen, outside
)
def test_boxes_at_the_border(shift_x, count, ignored):
    frame, scene = white_box()
    view = make_view(frame, scene, np.array([[1.0, 0, shift_x], [0, 1, 0]]), SIZE_WH)
    assert len(view.box_xyxy) == count
    if count:
        assert np.isnan(view.score[0]) == ignored and view.box_xyxy[0, 0] >= -0.5


def test_too_small_is_ignored():
    frame, scene = white_box()
    view = make_view(frame, scene, np.array([[0.2, 0, 0], [0, 0.2, 0]]), SIZE_WH)
    assert np.isnan(view.score).tolist() == [True] and not view.known[3:7, 5:7].any() and view.known[20:].all()


@pytest.mark.parametrize("complete, score", [(True, 1), (True, 0.3), (True, np.nan), (False, 1), (False, np.nan)])
def test_known(complete, score):
    frame, scene = white_box(score=score, complete=complete)
    known = make_view(frame, scene, np.eye(2, 3), SIZE_WH).known
    inside = np.zeros_like(known)
    inside[10:40, 20:40] = True
    assert (known[inside] == (not np.isnan(score))).all() and (known[~inside] == complete).all()


def test_mosaic_keeps_boxes_on_their_pixels():
    tiles = []
    sizes = ((40, 20), (24, 20), (40, 28), (24, 28))
    for size, box in zip(sizes, ((5, 2, 15, 18), (3, 3, 20, 15), (8, 4, 30, 26), (1, 1, 9, 20))):
        frame, scene = white_box(box, size)
        tiles.append(make_view(frame, scene, np.eye(2, 3), size))
    view = join_tiles(tiles, (40, 20), SIZE_WH)
    assert view.image.shape == (48, 64, 3) and view.known.all()
    painted = np.zeros(view.known.shape, bool)
    for x1, y1, x2, y2 in (view.box_xyxy + 0.5).astype(int):
        painted[y1:y2, x1:x2] = True
    assert (painted == (view.image[..., 0] > 127)).all()


@pytest.mark.parametrize("scale", [1.0, 0.51, 0.4, 0.21])
def test_a_shrunk_image_has_its_pixels_at_the_same_place_and_all_of_them_count(scale):
    frame, _ = white_box((21, 11, 63, 47), (101, 61))
    frame[::2, ::2] = 255 - frame[::2, ::2]  # a quarter of the pixels are the other way round
    small, matrix = shrink(frame, np.array([[scale, 0, 3], [0, scale, 2]]))
    assert (small.shape == frame.shape) == (scale > 0.5)
    view = cv2.warpAffine(small, matrix, SIZE_WH, flags=cv2.INTER_AREA)
    edges = np.array([[20.5, 10.5, 62.5, 46.5]]) * scale + [3, 2, 3, 2]
    if scale <= 0.5:
        assert iou(edges, pixels_box(view))[0, 0] > 0.7
        inside = view[round(28 * scale + 2), round(40 * scale + 3)]
        assert (np.abs(inside - 255 * 0.75) < 40).all()


@pytest.mark.parametrize(
    "cover, expected",
    [
        ((50, 50, 60, 60), (10, 10, 30, 40)),  # beside it
        ((0, 20, 20, 30), (10, 10, 30, 40)),  # a notch
        ((0, 25, 40, 60), (10, 10, 30, 25)),  # the legs
        ((5, 0, 35, 20), (10, 20, 30, 40)),  # the head
        ((0, 0, 15, 50), (15, 10, 30, 40)),  # the left
        ((25, 5, 60, 45), (10, 10, 25, 40)),  # the right
    ],
)
def test_a_box_ends_where_it_is_covered(cover, expected):
    assert cut_behind(np.zeros((0, 4)), np.float32(cover)).shape == (0, 4)
    assert cut_behind(np.float32([[10, 10, 30, 40]]), np.float32(cover)).tolist() == [list(expected)]


def test_a_box_that_is_covered_has_no_area():
    box = cut_behind(np.float32([[10, 10, 30, 40]]), np.float32([0, 0, 60, 60]))
    assert (box[:, 2:] <= box[:, :2]).all()


@pytest.mark.parametrize(
    "left_top, is_ignored",  # of a tile of 20 x 20 px; the person's box is 20 to 40, 10 to 40
    [((44, 20), False), ((18, 28), False), ((25, 18), True), ((20, 10), True)],  # beside, legs, centre, two thirds
)
def test_people_behind_a_pasted_picture(left_top, is_ignored):
    frame, scene = white_box()
    view = make_view(frame, scene, np.eye(2, 3), SIZE_WH)
    grey = np.full((20, 20, 3), 100, np.uint8)
    tile = View(grey, np.float32([[2, 1, 9, 14]]), np.ones(1), np.full((20, 20), True))
    pasted, (x, y) = paste(view, tile, left_top), left_top
    assert (pasted.image[y : y + 20, x : x + 20] == 100).all() and pasted.known[y : y + 20, x : x + 20].all()
    assert np.isnan(pasted.score).tolist() == [is_ignored, False]
    assert pasted.box_xyxy[1].tolist() == [2 + x, 1 + y, 9 + x, 14 + y]
    assert pasted.known.all() != is_ignored
    if not is_ignored:
        assert iou(pasted.box_xyxy[:1], pixels_box(pasted.image))[0, 0] > 0.95


def test_a_picture_of_nobody_pasted_on_nobody():
    tile = View(np.ones((8, 8, 3), np.uint8), np.zeros((0, 4), np.float32), np.zeros(0), np.full((8, 8), True))
    view = paste(empty_view(), tile, (56, 40))
    assert view.box_xyxy.shape == (0, 4) and view.known.all() and view.image.sum() == 8 * 8 * 3


def test_targets_of_nobody():
    targets = encode_targets(empty_view())
    assert {k: v.shape for k, v in targets.items()} == {
        "person": (1, 6, 8), "known": (1, 6, 8), "box_xyxy": (4, 6, 8), "box_weight": (6, 8)}  # fmt: skip
    assert not targets["person"].any() and not targets["box_weight"].any() and targets["known"].all()


def test_targets():
    large, small, ignored = [0, 0, 60, 46], [9, 10, 17, 30], [40, 30, 60, 46]
    boxes = np.float32([small, large, ignored])
    targets = encode_targets(empty_view()._replace(box_xyxy=boxes, score=np.array([1, 1, np.nan])))
    centres = np.argwhere(targets["person"][0] == 1).tolist()
    assert centres == [[2, 1], [2, 3]]  # (13.5, 20.5) and (30.5, 23.5) px in cells of 8
    assert targets["box_xyxy"][:, 2, 1].tolist() == small and targets["box_xyxy"][:, 2, 3].tolist() == large
    assert targets["box_xyxy"][:, 3, 1].tolist() == small  # where both reach, the smaller
    assert ((targets["box_weight"] > 0) <= (targets["person"][0] > 0)).all()


def test_a_doubtful_box_asks_for_its_score_and_teaches_no_box():
    targets = encode_targets(empty_view()._replace(box_xyxy=np.float32([[9, 10, 17, 30]]), score=np.array([0.3])))
    assert targets["person"].max() == pytest.approx(0.3) and targets["person"][0, 2, 1] == targets["person"].max()
    assert not targets["box_weight"].any() and targets["known"].all()


def test_a_centre_is_known_even_in_an_unknown_image():
    view = empty_view(known=False)._replace(box_xyxy=np.float32([[9, 10, 17, 30]]), score=np.ones(1))
    targets = encode_targets(view)
    assert targets["known"][0, 2, 1] == 1 and targets["known"][0, 5, 7] == 0


@pytest.fixture
def recipe(tmp_path):
    frame, _ = white_box()
    cv2.imwrite(str(tmp_path / "a.png"), frame)
    images = [{"id": 1, "file_name": "a.png"}]
    items = [{"image_id": 1, "bbox": [19.5, 9.5, 20, 30]}]
    (tmp_path / "boxes.json").write_text(json.dumps({"images": images, "annotations": items}))
    source = Source("boxes.json", str(tmp_path), 3)
    return Recipe(task="person_detector", input_size_wh=[64, 32], data_root=str(tmp_path), train=[source])


def test_dataset_at_runtime_view(recipe):
    dataset = BoxesDataset(recipe, recipe.train, augment=False)
    item = dataset[0]
    assert len(dataset) == 3
    assert item["image"].shape == (3, 32, 64) and item["image"].dtype == np.float32 and item["image"].max() == 255
    assert iou(item["boxes"][:1, :4], pixels_box(item["image"].transpose(1, 2, 0)))[0, 0] > 0.8
    assert item["boxes"][0, 4] == 1 and (item["boxes"][1:, 4] == -1).all()


@pytest.mark.parametrize("mosaic", [0.0, 1.0])
def test_dataset_augmented(recipe, mosaic):
    recipe.augmentation.mosaic, recipe.augmentation.color = mosaic, 0.0
    dataset = BoxesDataset(recipe, recipe.train, augment=True)
    items = [dataset[i % 3] for i in range(12)]
    assert all(item["image"].shape == (3, 32, 64) for item in items)
    assert np.ptp([item["image"].mean() for item in items]) > 1  # not all alike
    most = max((item["boxes"][:, 4] >= 0).sum() for item in items)
    assert most == 1 if mosaic == 0 else most > 1


def test_dataset_with_pasted_pictures(recipe):
    recipe.augmentation.color = 0.0
    counts = {}
    for pasted in (0, 5):
        recipe.augmentation.pasted = pasted
        dataset = BoxesDataset(recipe, recipe.train, augment=True)
        items = [dataset[i % 3] for i in range(12)]
        assert all(item["image"].shape == (3, 32, 64) for item in items)
        counts[pasted] = max((item["boxes"][:, 4] >= 0).sum() for item in items)
    assert counts[0] == 1 and counts[5] > 1
