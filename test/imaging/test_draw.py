import numpy as np
import pytest

from pose_estimation_ros.core.colors import LEFT, MIDDLE, RIGHT, opacity, side_colors, track_color
from pose_estimation_ros.core.errors import ConfigError, FrameError
from pose_estimation_ros.core.poses import CONFIRMED, LOST, TENTATIVE, empty_poses, joined, make_poses
from pose_estimation_ros.core.skeleton import SKELETONS, get_skeleton
from pose_estimation_ros.imaging.draw import draw_poses

COCO = get_skeleton("coco17")


def one_person(xy, score=1.0, track_id=1):
    xy = np.asarray(xy, float)[None]
    box = np.concatenate([xy.min(1), xy.max(1)], 1)
    return make_poses(xy, np.broadcast_to(score, xy.shape[:2]), box, np.ones(1), np.array([track_id]))


def grey():
    return np.full((240, 320, 3), 128, np.uint8)


def spread(keypoints=17):
    return np.random.RandomState(0).rand(keypoints, 2) * [240, 140] + [40, 60]


def test_nobody_leaves_the_frame_alone():
    frame = grey()
    frame = draw_poses(frame, empty_poses(17), COCO)
    assert (frame == 128).all()


@pytest.mark.parametrize("color_by", ["side", "track"])
@pytest.mark.parametrize("name", sorted(SKELETONS))
def test_every_keypoint_is_drawn_in_its_colour(name, color_by):
    skeleton, frame = get_skeleton(name), grey()
    xy = spread(skeleton.num_keypoints).round()
    frame = draw_poses(frame, one_person(xy), skeleton, color_by)
    colors = side_colors(skeleton) if color_by == "side" else [track_color(1)] * skeleton.num_keypoints
    seen = [tuple(int(v) for v in frame[int(y), int(x)]) == color for (x, y), color in zip(xy, colors)]
    assert np.mean(seen) > 0.8  # a few lie under a neighbour or the label


def test_the_skeleton_of_the_poses_is_taken_unless_another_is_given():
    drawn = draw_poses(grey(), one_person(spread()).replace(skeleton=COCO))
    other = COCO._replace(links=(), flip_pairs=())
    assert (drawn == draw_poses(grey(), one_person(spread()), COCO)).all()
    assert (drawn != draw_poses(grey(), one_person(spread()).replace(skeleton=COCO), other)).any()


def test_the_image_itself_is_left_alone():
    image = grey()
    drawn = draw_poses(image, one_person(spread()), COCO)
    assert (image == 128).all() and (drawn != 128).any()


@pytest.mark.parametrize(
    "image, words",
    [
        (None, "got None"),
        (empty_poses(17), "got a Poses"),
        (grey().astype(float), r"got an array \(240, 320, 3\) float64"),
        (grey()[..., 0], r"got an array \(240, 320\) uint8"),
    ],
)
def test_what_is_no_image(image, words):
    with pytest.raises(FrameError, match="expected an image .H, W, 3. uint8 to draw into, " + words):
        draw_poses(image, one_person(spread()), COCO)


@pytest.mark.parametrize(
    "skeleton, color_by, words",
    [
        (None, "side", "expected a skeleton to draw poses that have none"),
        (COCO, "red", "expected color_by out of side, track, got 'red'"),
    ],
)
def test_what_cannot_be_drawn(skeleton, color_by, words):
    with pytest.raises(ConfigError, match=words):
        draw_poses(grey(), one_person(spread()), skeleton, color_by)


def test_sides_differ():
    colors = dict(zip(COCO.keypoints, side_colors(COCO)))
    assert (colors["nose"], colors["left_knee"], colors["right_knee"]) == (MIDDLE, LEFT, RIGHT)


def test_a_link_is_drawn_only_between_keypoints_that_were_found():
    """Left hip to left knee, 100 px apart; all else is not found."""
    middle = []
    for knee_score in (1.0, 0.0):
        xy, score, frame = np.zeros((17, 2)), np.zeros(17), grey()
        xy[11], xy[13], score[11], score[13] = (100, 100), (100, 200), 1.0, knee_score
        frame = draw_poses(frame, one_person(xy, score), COCO)
        middle.append(frame[150, 100].astype(int))
    assert np.abs(middle[0] - LEFT).max() < 30 and (middle[1] == 128).all()


def test_a_person_without_keypoints_has_no_label():
    frame = grey()
    frame = draw_poses(frame, one_person(spread(), 0.0), COCO)
    assert (frame == 128).all()


def test_labels_tell_people_apart():
    frames = []
    for track_id in (1, 2, -1):
        frames.append(grey())
        frames[-1] = draw_poses(frames[-1], one_person(spread(), track_id=track_id), COCO)
    assert (frames[0] != frames[1]).any() and (frames[0] != frames[2]).any()
    assert track_color(1) != track_color(2)


@pytest.mark.parametrize("offset", [-1e3, -100, 200, 1e3, 1e12])
def test_people_partly_or_wholly_outside_are_no_error(offset):
    frame = grey()
    frame = draw_poses(frame, one_person(spread() + offset), COCO)
    assert frame.shape == (240, 320, 3)


def test_a_tiny_frame_is_no_error():
    frame = np.zeros((4, 4, 3), np.uint8)
    frame = draw_poses(frame, one_person(spread() / 100), COCO)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 3e38, -3e38, 1e7])
@pytest.mark.parametrize("field", ["xy", "score", "box_xyxy", "person_score"])
@pytest.mark.parametrize("color_by", ["side", "track"])
@pytest.mark.parametrize("track_id", [-1, 1])
def test_what_is_not_finite_or_too_far_away_is_not_drawn(field, bad, color_by, track_id):
    """The whole field at once, and a single number of it: the other keypoints are drawn as ever."""
    poses = one_person(spread(), track_id=track_id)
    for place in ((slice(None),), (0, 0) if field in ("xy", "score", "box_xyxy") else (0,)):
        values, frame = getattr(poses, field).copy(), grey()
        values[place] = bad
        with np.errstate(all="ignore"):
            frame = draw_poses(frame, poses.replace(**{field: values}), COCO, color_by)
        all_gone = len(place) == 1 and (field == "xy" or field == "score" and not bad > 0)
        assert (frame == 128).all() == all_gone


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e7])
def test_a_link_to_a_keypoint_too_far_away_is_not_drawn(bad):
    xy, score, frame = np.zeros((17, 2)), np.zeros(17), grey()
    xy[11], xy[13], score[11], score[13] = (100, 100), (100, bad), 1.0, 1.0
    frame = draw_poses(frame, one_person(xy, score), COCO)
    assert (frame[110:] == 128).all() and tuple(frame[100, 100]) == LEFT


def cross(skeleton, step, corner=(40, 60)):
    """Return a person whose keypoints lie on a grid, 12 in a row, step px apart."""
    k = np.arange(skeleton.num_keypoints)
    return one_person(np.stack([k % 12, k // 12], -1) * step + corner)


@pytest.mark.parametrize("keypoints", [1, 2])
def test_points_without_links(keypoints):
    skeleton = COCO._replace(keypoints=COCO.keypoints[:keypoints], links=(), flip_pairs=())
    xy = spread(keypoints).round().astype(int)
    frame = draw_poses(grey(), one_person(xy), skeleton)
    assert all(tuple(frame[y, x]) == MIDDLE for x, y in xy)


@pytest.mark.parametrize("step", [1, 2, 5, 12])
def test_every_keypoint_of_a_dense_skeleton_is_seen(step):
    """133 keypoints without links, also in a person of 12 x 12 px: none hides another, not even by its outline."""
    skeleton = get_skeleton("wholebody133")._replace(links=())
    person = cross(skeleton, step)
    frame = draw_poses(grey(), person, skeleton)
    for (x, y), color in zip(person.xy[0].astype(int), side_colors(skeleton)):
        assert tuple(frame[y, x]) == color


def test_dense_keypoints_are_smaller_and_those_with_room_stay():
    """The body of a person of 200 px, and 12 points 2 px apart in place of a face."""
    skeleton = COCO._replace(keypoints=tuple(map(str, range(15))), links=(), flip_pairs=(), sigmas=None)
    face = np.stack(np.meshgrid([100, 102, 104], [20, 22, 24, 26]), -1).reshape(-1, 2)
    xy = np.concatenate([[[100, 220], [40, 120], [160, 120]], face])
    person = one_person(xy)
    drawn = (draw_poses(grey(), person, skeleton) == MIDDLE).all(-1)
    assert drawn[215:226, 95:106].sum() > 10 and drawn[15:31, 95:110].sum() == 12


def changed(drawn, image=None):
    return (drawn != (grey() if image is None else image)).any(-1)


@pytest.mark.parametrize("shape", [(0, 9, 3), (9, 0, 3), (0, 0, 3)])
@pytest.mark.parametrize("place", [0, -1])
def test_an_image_without_pixels_is_no_error(shape, place):
    image = np.zeros(shape, np.uint8)
    assert draw_poses(image, one_person(spread() + place), COCO, legend=True).shape == shape
    assert draw_poses(image, one_person(np.zeros((17, 2)) + place), COCO).shape == shape
    assert draw_poses(image, lost([place, place, 9, 9]), COCO).shape == shape


@pytest.mark.parametrize("score", [0.01, 0.3, 0.5, 0.99, 1.0, 7.0])
def test_the_opacity_of_a_joint_follows_its_score(score):
    """The nose alone, in a person of 200 px: the colour lies between that of the image and MIDDLE."""
    xy, scores = np.tile([[100.0, 20.0], [150.0, 220.0]], (9, 1))[:17], np.zeros(17)
    scores[0] = score
    seen = draw_poses(grey(), one_person(xy, scores), COCO)[20, 100]
    share = 0.3 + 0.7 * min(score, 1)
    assert np.abs(seen - (128 + share * (np.array(MIDDLE) - 128.0))).max() <= 1.5


def test_a_link_is_as_opaque_as_its_fainter_end():
    xy, seen = np.zeros((17, 2)), []
    xy[11], xy[13] = (100, 40), (100, 220)
    for scores in ((1.0, 1.0), (1.0, 0.2), (0.2, 1.0)):
        score = np.zeros(17)
        score[[11, 13]] = scores
        seen.append(draw_poses(grey(), one_person(xy, score), COCO)[130, 100].astype(int))
    assert (seen[1] == seen[2]).all() and np.abs(seen[0] - LEFT).max() <= 1
    assert np.abs(seen[1] - (128 + opacity(0.2) * (np.array(LEFT) - 128))).max() <= 1.5


def leg(height):
    """Return a person of that height of whom a thigh is seen."""
    xy, score = np.full((17, 2), 500.0), np.zeros(17)
    xy[11, 1], xy[13, 1], score[[11, 13]] = 500 - height / 2, 500 + height / 2, 1.0
    box = np.array([[500 - height / 4, 500 - height / 2, 500 + height / 4, 500 + height / 2]])
    return make_poses(xy[None], score[None], box, np.ones(1), np.array([1]))


def test_lines_grow_with_the_person():
    image = np.full((1080, 1000, 3), 255, np.uint8)
    widths = [
        (255.0 - draw_poses(image, leg(size), COCO)[500, :, 0]).sum() / 191 for size in (12, 60, 120, 240, 480, 960)
    ]
    assert widths == sorted(widths) and 1 <= widths[0] < 2 and widths[-1] > 2 * widths[2] and widths[-1] < 12


@pytest.mark.parametrize("size", [12, 40, 120])
def test_no_dark_lines_hide_people_far_away(size):
    image = np.full((1080, 1000, 3), 255, np.uint8)
    drawn = draw_poses(image, leg(size).replace(state=[TENTATIVE]), COCO)
    assert (drawn >= np.array(LEFT) - 1).all() and changed(drawn, image).any()


def test_the_best_person_lies_above_the_others():
    two = joined(one_person(spread(), track_id=1), one_person(spread(), track_id=2))
    x, y = spread()[11].round().astype(int)
    for score, best in (((0.9, 0.1), 1), ((0.1, 0.9), 2)):
        seen = draw_poses(grey(), two.replace(person_score=np.array(score)), COCO, "track")[y, x]
        assert np.abs(seen.astype(int) - track_color(best)).max() < 40


def test_somebody_tentative_has_thin_lines_and_no_label():
    xy = np.tile([[100.0, 60.0], [160.0, 220.0]], (9, 1))[:17]
    certain, tentative = one_person(xy).replace(state=[CONFIRMED]), one_person(xy).replace(state=[TENTATIVE])
    thick, thin = changed(draw_poses(grey(), certain, COCO)), changed(draw_poses(grey(), tentative, COCO))
    assert 0 < thin.sum() < thick.sum() and thick[:55].any() and not thin[:55].any()


def lost(box):
    poses = make_poses(np.full((1, 17, 2), 90.0), np.zeros((1, 17)), np.array([box]), np.ones(1), np.array([3]))
    return poses.replace(state=np.array([LOST], np.uint8))


def test_somebody_lost_has_a_dashed_box_and_a_label():
    drawn = changed(draw_poses(grey(), lost((80, 60, 160, 220)), COCO))
    left, inside = drawn[70:210, 79:82].any(1), drawn[70:210, 85:155]
    assert 0.3 < left.mean() < 0.8 and not inside.any()
    assert drawn[30:58, 90:150].mean() > 0.3


@pytest.mark.parametrize(
    "box", [(-300, 20, -200, 90), (500, 20, 600, 90), (0, 300, 9, 400), (np.nan,) * 4, (3e38,) * 4]
)
def test_somebody_lost_outside_the_image_is_not_drawn(box):
    assert not changed(draw_poses(grey(), lost(box), COCO)).any()


@pytest.mark.parametrize("box", [(-50, -50, 400, 300), (300, 200, 300, 200), (310, 230, 1e6, 1e6), (160, 220, 80, 60)])
def test_somebody_lost_partly_outside_is_no_error(box):
    assert draw_poses(grey(), lost(box), COCO).shape == (240, 320, 3)


@pytest.mark.parametrize(
    "color_by, skeleton, people, there",
    [
        ("side", COCO, 0, False),
        ("side", COCO, 1, True),
        ("track", COCO, 1, False),
        ("side", get_skeleton("hand21"), 1, False),
    ],
)
def test_a_legend_is_drawn_where_colours_are_those_of_sides(color_by, skeleton, people, there):
    poses = one_person(spread(skeleton.num_keypoints))[:people]
    without, with_legend = (draw_poses(grey(), poses, skeleton, color_by, legend) for legend in (False, True))
    assert (without != with_legend).any() == there


@pytest.mark.parametrize("shape", [(240, 320), (480, 640), (1080, 1920)])
def test_a_crowd_of_labels_leaves_the_faces_free(shape):
    """Noses and eyes alone, of 20 people in a grid: pixels of the heads differ from the image only at their joints."""
    height, width = shape
    cells = np.stack(np.meshgrid(np.arange(5) + 0.5, np.arange(4) + 0.6), -1).reshape(-1, 2) * (width / 5, height / 4)
    size, score = height / 6, np.zeros((20, 17))
    score[:, 0] = 1
    xy = np.tile(cells[:, None], (1, 17, 1))
    boxes = np.concatenate([cells - (size / 5, size / 10), cells + (size / 5, size * 0.8)], 1)
    image = np.full(shape + (3,), 128, np.uint8)
    drawn = changed(draw_poses(image, make_poses(xy, score, boxes, np.ones(20), np.arange(20)), COCO), image)
    for x, y in cells.round().astype(int):
        half = int(size / 12)
        assert drawn[y - half : y + half, x - half : x + half].sum() <= 4 * 16**2 / 100 * max(1, half)
