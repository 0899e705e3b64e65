import numpy as np
import pytest
from slow_assignment import slow_assign

from pose_estimation_ros.core.grouping import double, find_peaks, group, joint_order, merge_scales
from pose_estimation_ros.core.heatmap import decode, encode
from pose_estimation_ros.core.skeleton import SKELETONS, get_skeleton

COCO = get_skeleton("coco17")


def slow_peaks(heatmap, threshold, most):
    """(y, x) of all pixels that are the highest of the 5 x 5 around them, the highest first."""
    height, width = heatmap.shape
    peaks = []
    for y in range(height):
        for x in range(width):
            around = heatmap[max(y - 2, 0) : y + 3, max(x - 2, 0) : x + 3]
            if heatmap[y, x] > threshold and heatmap[y, x] == around.max():
                peaks.append((y, x))
    return sorted(peaks, key=lambda place: -heatmap[place])[:most]


def slow_owners(distance, scores, strengths, tag_threshold):
    """The person of each joint, or None for too many joints; people and joints are filled up by nobody."""
    joints, people = len(scores), len(strengths)
    size = max(joints, people, 1)
    cost = np.zeros((size, size))
    for i in range(joints):
        for j in range(people):
            near = min(distance[i][j], tag_threshold)
            cost[i, j] = np.round(near) * 100 - scores[i] + 1e-6 * (near**2 - 10 * scores[i] * strengths[j])
    return [column if column < people else None for column in slow_assign(cost)[:joints]]


def slow_place(heatmap, y, x):
    """xy with a quarter pixel's move to the higher neighbour."""
    place = [float(x), float(y)]
    if 0 < x < heatmap.shape[1] - 1:
        place[0] += 0.25 * np.sign(heatmap[y, x + 1] - heatmap[y, x - 1])
    if 0 < y < heatmap.shape[0] - 1:
        place[1] += 0.25 * np.sign(heatmap[y + 1, x] - heatmap[y - 1, x])
    return place


def slow_refine(heatmap, tags, mean, tag_threshold):
    """(y, x) where heatmap - rounded distance of the tags is highest, and whether the person has a joint there."""
    distance = np.sqrt(((tags - mean) ** 2).sum(-1))
    place = np.unravel_index(np.argmax(heatmap - np.round(distance)), heatmap.shape)
    return place, distance[place] < tag_threshold


def slow_group(heatmaps, tags, order, max_people, threshold=0.1, tag_threshold=1.0):
    """HigherHRNet's match_by_tag, adjust and refine, one joint of one person at a time."""
    heatmaps, tags = heatmaps.astype(float), tags.astype(float)
    people, means = [], []
    for k in order:
        peaks = slow_peaks(heatmaps[k], threshold, max_people)
        means = [np.mean([tags[j][place] for j, place in person.items()], axis=0) for person in people]
        distance = [[np.linalg.norm(tags[k][place] - mean) for mean in means] for place in peaks]
        scores = [min(heatmaps[k][place], 1) for place in peaks]
        strengths = [np.mean([min(heatmaps[j][place], 1) for j, place in person.items()]) for person in people]
        owners = slow_owners(distance, scores, strengths, tag_threshold)
        for row, (place, owner) in enumerate(zip(peaks, owners)):
            if owner is not None and distance[row][owner] < tag_threshold:
                people[owner][k] = place
            elif len(people) < max_people:
                people.append({k: place})
    xy, score = np.zeros((len(people), len(heatmaps), 2)), np.zeros((len(people), len(heatmaps)))
    person_score = np.zeros(len(people))
    for n, person in enumerate(people):
        mean = np.mean([tags[j][place] for j, place in person.items()], axis=0)
        person_score[n] = sum(min(heatmaps[j][place], 1) for j, place in person.items()) / len(heatmaps)
        for k, heatmap in enumerate(heatmaps):
            place, near = (person[k], True) if k in person else slow_refine(heatmap, tags[k], mean, tag_threshold)
            if near and heatmap[place] > 0:
                xy[n, k], score[n, k] = slow_place(heatmap, *place), min(heatmap[place], 1)
    return xy, score, person_score


def crowd(random, people, joints, size_wh, num_tags, tag_step, equal):
    """Heatmaps and tags of people at random places, some joints hidden, tags and background noisy."""
    width, height = size_wh
    heatmaps = random.uniform(-0.05, 0.09, (joints, height, width))
    tags = random.normal(0, 3, (joints, height, width, num_tags))
    for person in range(people):
        places = np.stack([random.randint(0, width, joints), random.randint(0, height, joints)], 1)
        seen = random.rand(joints) < 0.8
        dots, _ = encode(places.astype(float), seen, size_wh, 1.0)
        heatmaps = np.maximum(heatmaps, dots * (1 if equal else random.uniform(0.3, 1.1, (joints, 1, 1))))
        for k in np.flatnonzero(seen):
            x, y = places[k]
            tags[k, max(y - 1, 0) : y + 2, max(x - 1, 0) : x + 2] = tag_step * person + random.normal(0, 0.15, num_tags)
    tags += random.normal(0, 0.01, tags.shape)  # no two are equal
    return heatmaps.astype(np.float32), tags.astype(np.float32)


@pytest.mark.parametrize("shape", [(17, 8, 6), (17, 8, 6, 2)])
def test_nobody(shape):
    xy, score, person_score = group(np.zeros((17, 8, 6)), np.zeros(shape), joint_order(COCO))
    assert (xy.shape, score.shape, person_score.shape) == ((0, 17, 2), (0, 17), (0,))


@pytest.mark.parametrize(
    "people, joints, size_wh, cases",
    [(0, 3, (12, 9), 5), (1, 5, (20, 16), 25), (5, 4, (24, 20), 25), (30, 3, (40, 36), 2)],
)
@pytest.mark.parametrize("num_tags", [1, 2])
@pytest.mark.parametrize("tag_step, equal", [(3.0, False), (0.4, False), (0.4, True)])
def test_group_is_the_slow_one(people, joints, size_wh, cases, num_tags, tag_step, equal):
    """Tags far apart, and so near that rounded distances tie; scores that differ, and all equal."""
    random = np.random.RandomState(people)
    for case in range(cases):
        heatmaps, tags = crowd(random, people, joints, size_wh, num_tags, tag_step, equal)
        order, most = random.permutation(joints), (30, 3)[case % 2]
        expected = slow_group(heatmaps, tags, order, most)
        for ours, theirs in zip(group(heatmaps, tags, order, most), expected):
            np.testing.assert_allclose(ours, theirs, atol=1e-6)


def test_a_faint_double_of_the_first_joint_takes_nothing_from_the_person():
    """Beside each true peak a faint one with a tag that happens to be nearer to the double's."""
    joints, width = 6, 40
    heatmaps, tags = np.zeros((joints, 8, width), np.float32), np.zeros((joints, 8, width), np.float32)
    for k in range(joints):
        heatmaps[k, 4, 5], heatmaps[k, 4, 25] = 0.8, 0.15
        tags[k, 4, 5], tags[k, 4, 25] = (0.0, 0.3) if k == 0 else (0.2, 0.1)  # after the nose, crosswise
    xy, score, _ = group(heatmaps, tags, range(joints))
    assert [sorted(set(person[:, 0].tolist())) for person in xy] == [[5.0], [25.0]]
    assert np.allclose(score, [[0.8] * joints, [0.15] * joints])


@pytest.mark.parametrize("scales", [("1/4", "1/2"), ("1/2",)])
def test_round_trip(scales):
    """Three people, each with some joints hidden, drawn into maps as for training, come back as they were."""
    random = np.random.RandomState(1)
    width, height = 64, 48  # of the 1/4 map
    corners, tag_of = np.array([[2, 3], [22, 18], [42, 10]]), [-4.0, 0.5, 3.0]
    grid = np.array([(x, y) for y in range(0, 24, 6) for x in range(0, 20, 4)], float)  # far enough from each other
    xy = np.stack([corner + grid[random.permutation(len(grid))[:17]] for corner in corners])
    xy += random.uniform(-0.4, 0.4, xy.shape)
    visible = random.rand(3, 17) < 0.8
    small, large = (
        np.max([encode(factor * p, v, (factor * width, factor * height), 1.0)[0] for p, v in zip(xy, visible)], 0)
        for factor in (1, 2)
    )
    tags = np.zeros((17, height, width))
    for p, v, tag in zip(xy, visible, tag_of):
        for k in np.flatnonzero(v):
            x, y = np.round(p[k]).astype(int)
            tags[k, max(y - 1, 0) : y + 2, max(x - 1, 0) : x + 2] = tag
    heatmaps = merge_scales(small, large) if len(scales) == 2 else large
    found, score, person_score = group(heatmaps, double(tags), joint_order(COCO))
    assert len(found) == 3
    for p, v in zip(xy, visible):
        mine = np.argmin([np.abs(f[v] - 2 * p[v]).max() for f in found])
        assert np.abs(found[mine][v] - 2 * p[v]).max() < 0.6
        assert (score[mine][v] > 0.8).all()
        assert np.isclose(person_score[mine], score[mine][v].sum() / 17, atol=1e-5)


@pytest.mark.parametrize("faint", [0.05, 0.001])
def test_a_missing_joint_is_found_below_the_threshold_by_the_tags(faint):
    heatmaps, tags = np.zeros((2, 9, 20), np.float32), np.zeros((2, 9, 20), np.float32)
    heatmaps[0, 4, [3, 15]], tags[0, 4, [3, 15]] = 0.9, (1, 5)
    heatmaps[1, 4, [6, 16]], tags[1, 4, [6, 16]] = (faint, 0.08), (1.3, 5)
    xy, score, person_score = group(heatmaps, tags, [0, 1])
    assert xy.tolist() == [[[3, 4], [6, 4]], [[15, 4], [16, 4]]]
    assert np.allclose(score, [[0.9, faint], [0.9, 0.08]])
    assert np.allclose(person_score, 0.45)  # what refinement added does not count


def test_equal_tags_stay_two_people_and_the_best_joints_go_together():
    heatmaps = np.zeros((2, 3, 30), np.float32)
    heatmaps[0, 1, [5, 20]], heatmaps[1, 1, [8, 24]] = (0.5, 0.9), (0.6, 0.4)
    for _ in range(3):
        xy, _, _ = group(heatmaps, np.zeros((2, 3, 30)), [0, 1])
        assert xy[..., 0].tolist() == [[20, 8], [5, 24]]


def test_too_many_joints_leave_the_weakest_alone():
    """One person, two candidates within the tag threshold: the stronger belongs to the person (the cost's - score)."""
    heatmaps, tags = np.zeros((2, 3, 30), np.float32), np.zeros((2, 3, 30), np.float32)
    heatmaps[0, 1, 5], heatmaps[1, 1, [8, 24]] = 0.9, (0.3, 0.8)
    tags[1, 1, 24] = 0.4  # rounds to the same distance
    _, score, _ = group(heatmaps, tags, [0, 1])
    assert np.allclose(score[0], [0.9, 0.8]) and np.isclose(score[1, 1], 0.3)


def test_somebody_new_does_not_take_the_place_of_a_missing_joint():
    """Tags 0.5 and -4; then 3 and 0.5, so the second person's joint is missing. 2 + 4 (rounded) < 7 + 0, and yet."""
    heatmaps, tags = np.zeros((2, 3, 30), np.float32), np.zeros((2, 3, 30), np.float32)
    heatmaps[0, 1, [5, 15]], tags[0, 1, [5, 15]] = (0.9, 0.8), (0.5, -4)
    heatmaps[1, 1, [24, 9]], tags[1, 1, [24, 9]] = (0.9, 0.8), (3, 0.5)
    assert np.allclose(group(heatmaps, tags, [0, 1])[1], [[0.9, 0.8], [0.8, 0], [0, 0.9]])


@pytest.mark.parametrize("height, width", [(1, 1), (1, 7), (5, 5)])
def test_a_flat_map_has_no_more_peaks_than_asked_for(height, width):
    joint, pixel = find_peaks(np.ones((2, height, width), np.float32), 0.1, 4)
    each = min(4, height * width)
    assert joint.tolist() == [0] * each + [1] * each and pixel.tolist() == 2 * list(range(each))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("broken", ["heatmaps", "tags"])
def test_a_joint_that_is_not_finite_is_nobodys_and_costs_no_other(broken, bad):
    heatmaps, tags = crowd(np.random.RandomState(0), 3, 4, (24, 20), 1, 1.0, False)
    (heatmaps if broken == "heatmaps" else tags)[2, 5, 5] = bad
    found = group(heatmaps, tags, range(4))
    heatmaps[2], tags[2] = 0, 0
    for values, expected in zip(found, group(heatmaps, tags, range(4))):
        assert np.isfinite(values).all() and (values == expected).all()


@pytest.mark.filterwarnings("ignore:invalid value")
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e30])
def test_a_network_gone_wrong_comes_to_an_end(bad):
    heatmaps, tags = crowd(np.random.RandomState(0), 5, 4, (24, 20), 1, 1.0, False)
    tags[:, ::2] = bad
    assert len(group(heatmaps, tags, range(4))[0]) <= 30
    heatmaps[:, 1::2] = bad
    assert len(group(heatmaps, tags, range(4))[0]) <= 30


def test_the_order_of_cocos_joints_is_higherhrnets():
    assert joint_order(COCO).tolist() == [0, 1, 2, 3, 4, 5, 6, 11, 12, 7, 8, 9, 10, 13, 14, 15, 16]


@pytest.mark.parametrize("name", sorted(SKELETONS))
def test_the_order_has_every_joint_once(name):
    assert sorted(joint_order(SKELETONS[name])) == list(range(SKELETONS[name].num_keypoints))


@pytest.mark.parametrize("name", ["coco17", "crowdpose14", "mpii16", "openpose18", "hri18"])
def test_the_order_goes_from_head_to_foot(name):
    names = [SKELETONS[name].keypoints[k] for k in joint_order(SKELETONS[name])]
    assert names.index("left_shoulder") < names.index("right_hip") < names.index("left_wrist") < len(names) - 2
    assert {names[-2], names[-1]} == {"left_ankle", "right_ankle"}


@pytest.mark.parametrize("height, width", [(1, 1), (1, 4), (3, 5)])
def test_double_is_the_value_at_half_the_place(height, width):
    maps = np.random.RandomState(0).rand(2, height, width)
    rows = np.array([[np.interp(np.arange(2 * width) / 2, np.arange(width), row) for row in m] for m in maps])
    both = np.array([[np.interp(np.arange(2 * height) / 2, np.arange(height), column) for column in m.T] for m in rows])
    assert np.allclose(double(maps), both.transpose(0, 2, 1))


def test_both_scales_have_their_peaks_at_the_same_place():
    xy = np.random.RandomState(2).uniform(4, 40, (17, 2))
    small, large = (encode(factor * xy, np.ones(17), (factor * 48, factor * 48))[0] for factor in (1, 2))
    for maps in (double(small), merge_scales(small, large)):
        error = decode(maps[None])[0][0] / 2 - xy
        assert np.abs(error).max() < 0.4 and np.abs(error.mean(0)).max() < 0.1
