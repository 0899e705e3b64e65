import numpy as np
import pytest

from pose_estimation_ros.core.colors import LEFT, RIGHT
from pose_estimation_ros.core.skeleton import SKELETONS, Skeleton, get_skeleton
from pose_estimation_ros.imaging.labels import (
    LIGHT,
    Label,
    draw_labels,
    draw_legend,
    head_box,
    head_joints,
    letter_scale,
    letters_on,
)

COLOR = (200, 80, 190)


def grey(height=480, width=640):
    return np.full((height, width, 3), 128, np.uint8)


def standing(x, y, height=120.0, text="#12"):
    """Return the label of somebody whose head's middle is at x, y."""
    half = 0.09 * height
    head = np.array([x - half, y - half, x + half, y + half])
    box = np.array([x - height / 4, y - half, x + height / 4, y - half + height])
    return Label(text, COLOR, 1.0, LIGHT, 0.5, head, box)


def pixels(image_shape, boxes):
    """Return how many of the boxes cover each pixel."""
    count = np.zeros(image_shape[:2], int)
    for left, top, right, bottom in np.rint(boxes).clip(0).astype(int):
        count[top:bottom, left:right] += 1
    return count


def test_nobody():
    image = grey()
    assert draw_labels(image, []).shape == (0, 4) and (image == 128).all()


def test_a_label_lies_above_the_head_and_nowhere_else():
    image = grey()
    label = standing(300, 200)
    (place,) = draw_labels(image, [label])
    assert place[3] <= label.head_xyxy[1] < place[3] + 10
    assert (place[0] + place[2]) / 2 == pytest.approx(300, abs=1)
    assert ((image != 128).any(-1) == (pixels(image.shape, [place]) > 0)).all()


@pytest.mark.parametrize("x, y", [(300, 3), (2, 3), (637, 3), (300, 477), (2, 477), (-4, 240)])
@pytest.mark.parametrize("height", [60.0, 200.0])
def test_at_the_edge_a_label_is_beside_the_head_and_whole(x, y, height):
    image = grey()
    label = standing(x, y, height)
    (place,) = draw_labels(image, [label])
    assert (place[:2] >= 0).all() and (place[2:] <= (640, 480)).all()
    assert pixels(image.shape, [place, label.head_xyxy]).max() == 1


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("people", [2, 8, 20])
def test_labels_cover_no_heads_and_no_labels_where_there_is_room(people, seed):
    dice = np.random.RandomState(seed)
    cells = dice.permutation(24)[:people]  # 6 x 4 cells of 106 x 120 px
    labels = [standing(c % 6 * 106 + dice.uniform(10, 96), c // 6 * 120 + dice.uniform(10, 110)) for c in cells]
    places = draw_labels(grey(), labels)
    covered = pixels((480, 640), places)
    assert covered.max() == 1 and (places[:, :2] >= 0).all() and (places[:, 2:] <= (640, 480)).all()
    assert not covered[pixels((480, 640), [label.head_xyxy for label in labels]) > 0].any()


def test_two_people_who_cross_have_two_labels():
    places = draw_labels(grey(), [standing(300, 200), standing(306, 202)])
    assert pixels((480, 640), places).max() == 1


def test_somebody_without_a_text_keeps_labels_away():
    image = grey()
    silent, label = standing(300, 170, text=""), standing(300, 200)
    (place,) = draw_labels(image, [silent, label])
    assert (
        pixels(image.shape, [place, silent.head_xyxy, label.head_xyxy])[
            int(place[1]) : int(place[3]), int(place[0]) : int(place[2])
        ].max()
        == 1
    )


def test_a_tiny_image_is_no_error():
    draw_labels(grey(4, 4), [standing(2, 2)])
    draw_labels(grey(1, 1), [standing(2e5, 2, 9e5)])


@pytest.mark.parametrize(
    "name, expected",
    [
        ("coco17", ["nose", "left_eye", "right_eye", "left_ear", "right_ear"]),
        ("crowdpose14", ["head_top"]),
        ("ap10k", ["L_Eye", "R_Eye", "Nose"]),
        ("hand21", []),
    ],
)
def test_the_keypoints_of_a_head(name, expected):
    skeleton = get_skeleton(name)
    assert [k for k, on_head in zip(skeleton.keypoints, head_joints(skeleton)) if on_head] == expected


@pytest.mark.parametrize(
    "name, on_head",
    [("LeftEye", True), ("headTop", True), ("ear-left", True), ("face12", True), ("forearm", False), ("Ankle", False)],
)
def test_names_of_heads_are_written_in_many_ways(name, on_head):
    assert head_joints(Skeleton("own", (name,), (), (), None)).tolist() == [on_head]


def test_every_skeleton_of_people_has_a_head():
    assert [name for name in sorted(SKELETONS) if not head_joints(SKELETONS[name]).any()] == ["hand21"]
    assert head_joints(get_skeleton("wholebody133")).sum() == 5 + 68


@pytest.mark.parametrize(
    "points, box, expected",
    [
        ([], (100, 50, 200, 250), (132, 50, 168, 86)),  # the top of the box
        ([(150, 90)], (100, 50, 200, 250), (132, 50, 168, 108)),  # up to the top of the box, where hair and hats are
        ([(150, 200)], (100, 50, 200, 250), (132, 182, 168, 218)),  # hands above the head
        ([(100, 150), (200, 150)], (0, 50, 300, 250), (70, 50, 230, 230)),  # a face that fills the box
    ],
)
def test_the_box_of_a_head(points, box, expected):
    head = head_box(np.array(points, float).reshape(-1, 2), np.array(box, float), float(max(box[2:]) - 50))
    assert head == pytest.approx(np.array(expected), abs=1)


@pytest.mark.parametrize("shape", [(240, 320), (480, 640), (1080, 1920), (4000, 6000)])
def test_letters_grow_with_the_image_and_the_person(shape):
    scales = [letter_scale(shape, size) for size in (10, 100, 300, 1000, 1e6)]
    assert scales == sorted(scales) and 0.4 <= scales[0] <= scales[-1] <= 1.1
    assert letter_scale(shape, 1e6) >= letter_scale((240, 320), 1e6)


@pytest.mark.parametrize("plate, dark", [((30, 200, 250), True), ((75, 75, 240), False), ((255, 255, 255), True)])
def test_letters_differ_from_their_plate(plate, dark):
    assert (max(letters_on(plate)) < 50) == dark


def legend_box(image):
    rows, columns = np.nonzero((image != 128).any(-1))
    return columns.min(), rows.min(), columns.max() + 1, rows.max() + 1


@pytest.mark.parametrize(
    "heads, left, top",
    [
        ([(300, 200)], True, False),
        ([(40, 450)], False, False),
        ([(40, 450), (600, 450)], True, True),
        ([(40, 450), (600, 450), (40, 30)], False, True),
        ([(40, 380)], False, False),  # the body
    ],
)
def test_the_legend_lies_in_the_first_free_corner(heads, left, top):
    image = grey()
    draw_legend(image, [standing(x, y) for x, y in heads], np.zeros((0, 4)))
    box = legend_box(image)
    assert (box[2] < 320, box[3] < 240) == (left, top)
    assert all((image == color).all(-1).sum() > 20 for color in (LEFT, RIGHT))


def test_the_legend_covers_no_label():
    image = grey()
    draw_legend(image, [standing(300, 200)], np.array([[20, 460, 60, 478]]))
    assert legend_box(image)[0] > 320


@pytest.mark.parametrize("height, width, there", [(480, 640, True), (240, 320, True), (48, 64, False), (1, 1, False)])
def test_a_small_image_has_no_legend(height, width, there):
    image = grey(height, width)
    draw_legend(image, [standing(width / 2, 5, 10)], np.zeros((0, 4)))
    assert (image != 128).any() == there
