"""The labels of a scene are where the people were drawn, and tell what is covered."""

import numpy as np
import pytest

from pose_estimation_ros.datasets.toy import scene
from pose_estimation_ros.datasets.toy.canvas import Canvas, Solid
from pose_estimation_ros.datasets.toy.scene import LEAST_PIXELS, MOST_PEOPLE, SIZE_WH, Figure, draw_scene


@pytest.fixture(scope="module")
def scenes():
    return [draw_scene(np.random.default_rng(seed)) for seed in range(30)]


def labels_of(place, columns=0):
    """Labels of a person who is a ball around (0, 0, 3) m with one point, behind a card over the first columns."""
    canvas = Canvas(np.zeros((240, 320, 3)), 300.0, 120.0)
    own = Solid(np.array([0.0, 0, 3]), np.array([0.0, 0, 3]), (0.3, 0.3), np.full(3, 90.0))
    figure = Figure({"point": np.array(place)}, [own])
    pixels = scene.draw_people(canvas, [figure])
    canvas.draw_card((0, 0), 2.0, np.zeros((240, columns, 3)))
    return scene.label_person(canvas, figure, 0, pixels[0])


@pytest.mark.parametrize(
    "place, columns, visibility",
    [
        ((0, 0, 2.8), 0, 2),
        ((0, 0, 3.2), 0, 1),  # behind the own body
        ((-0.2, 0, 2.9), 145, 1),
        ((0.2, 0, 2.9), 145, 2),
        ((0.5, 0, 3.0), 0, 1),  # beside the own body, on the wall
        ((9, 0, 3), 0, 0),
    ],
)
def test_visibility(place, columns, visibility):
    x, y, v = labels_of(place, columns).keypoints["point"]
    assert v == visibility
    assert (x, y) == ((0, 0) if v == 0 else pytest.approx((159.5 + 300 * place[0] / place[2], 120), abs=0.01))


def test_who_is_mostly_hidden_has_no_labels():
    assert labels_of((0, 0, 3)).area > 2000
    assert labels_of((0, 0, 3), 165) is None


def test_box_and_area_are_those_of_the_visible_pixels():
    whole, half = labels_of((0, 0, 3)), labels_of((0, 0, 3), 145)
    np.testing.assert_allclose(whole.box_xywh, (130, 91, 59, 59), atol=1)
    assert LEAST_PIXELS < half.area < 0.95 * whole.area and half.box_xywh[2] < whole.box_xywh[2]


def test_images_and_people(scenes):
    assert all(image.shape == (SIZE_WH[1], SIZE_WH[0], 3) and image.dtype == np.uint8 for image, _people in scenes)
    counts = [len(people) for _image, people in scenes]
    assert set(counts) >= {1, 2, 3} and max(counts) <= MOST_PEOPLE
    for _image, people in scenes:
        for person in people:
            x, y, width, height = person.box_xywh
            assert x >= 0 and y >= 0 and x + width <= SIZE_WH[0] and y + height <= SIZE_WH[1]
            assert LEAST_PIXELS <= person.area <= width * height


def test_visible_joints_are_in_the_box_and_covered_ones_exist(scenes):
    people = [person for _image, people in scenes for person in people]
    found = {0: 0, 1: 0, 2: 0}
    for person in people:
        x, y, width, height = person.box_xywh
        for px, py, visibility in person.keypoints.values():
            found[visibility] += 1
            assert visibility < 2 or (x - 1 <= px <= x + width and y - 1 <= py <= y + height)
    assert found[2] > found[1] > found[0] > 0


def test_a_scene_in_which_nobody_is_visible_is_drawn_again(scenes, monkeypatch):
    answers = [None, None] + 99 * [scenes[0][1][0]]
    monkeypatch.setattr(scene, "MOST_PEOPLE", 1)
    monkeypatch.setattr(scene, "label_person", lambda *_: answers.pop(0))
    assert draw_scene(np.random.default_rng(0))[1] == [scenes[0][1][0]] and len(answers) == 98


def test_a_scene_comes_from_its_seed(scenes):
    again, other = (draw_scene(np.random.default_rng(seed)) for seed in (0, 31))
    np.testing.assert_array_equal(again[0], scenes[0][0])
    assert again[1] == scenes[0][1] and (again[0] != other[0]).any()
