import numpy as np
import pytest

from pose_estimation_ros.core import geometry


def slow_shared_area(a, b):
    return max(0, min(a[2], b[2]) - max(a[0], b[0])) * max(0, min(a[3], b[3]) - max(a[1], b[1]))


def slow_iou(a, b):
    shared = slow_shared_area(a, b)
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared
    return shared / union if union else 0.0


def random_boxes(count, seed):
    random = np.random.RandomState(seed)
    corner = random.rand(count, 2) * 50
    return np.concatenate([corner, corner + random.rand(count, 2) * 50], 1)


@pytest.mark.parametrize("counts", [(0, 0), (0, 2), (3, 0), (1, 1), (7, 5)])
def test_iou_and_shared_area_are_the_slow_ones(counts):
    a, b = random_boxes(counts[0], 1), random_boxes(counts[1], 2)
    for function, slow in ((geometry.iou, slow_iou), (geometry.shared_area, slow_shared_area)):
        expected = np.array([slow(p, q) for p in a for q in b]).reshape(counts)
        assert np.allclose(function(a, b), expected)


def test_iou_of_empty_boxes_is_zero():
    assert geometry.iou(np.zeros((1, 4)), np.zeros((1, 4))).tolist() == [[0]]


@pytest.mark.parametrize("count", [0, 1, 4])
def test_xywh_round_trip(count):
    boxes = random_boxes(count, 3).astype(np.float32)
    assert np.allclose(geometry.xywh_to_xyxy(geometry.xyxy_to_xywh(boxes)), boxes)
    assert geometry.xyxy_to_xywh(boxes).shape == (count, 4)


def test_xywh_by_hand():
    assert geometry.xywh_to_xyxy([[10, 20, 30, 40]]).tolist() == [[10, 20, 40, 60]]


@pytest.mark.parametrize(
    "score, expected",
    [([0.9, 0.9, 0.9], [1, 2, 5, 8]), ([0.9, 0.1, 0.9], [1, 4, 5, 8]), ([0, 0, 0], [0, 0, 0, 0])],
)
def test_boxes_around_the_keypoints_found(score, expected):
    xy = np.array([[[1, 4], [3, 2], [5, 8]]], float)
    assert geometry.boxes_around(xy, np.array([score]), 0.5).tolist() == [expected]


def test_boxes_around_nobody():
    assert geometry.boxes_around(np.zeros((0, 17, 2)), np.zeros((0, 17)), 0.5).shape == (0, 4)


@pytest.mark.parametrize(
    "box, padding, points",
    [
        ([0, 0, 192, 256], 1.0, [((96, 128), (95.5, 127.5)), ((0.5, 0.5), (0, 0))]),
        ([0, 0, 192, 256], 1.25, [((96, 128), (95.5, 127.5)), ((96 + 120, 128), (191.5, 127.5))]),
        (
            [100, 100, 484, 200],
            1.0,
            [((292, 150), (95.5, 127.5)), ((484, 150), (191.5, 127.5))],
        ),  # wide: grows in height
        ([100, 100, 110, 612], 1.0, [((105, 356), (95.5, 127.5)), ((105, 612), (95.5, 255.5))]),  # tall: grows in width
    ],
)
def test_crop_matrices_by_hand(box, padding, points):
    matrix = geometry.crop_matrices([box], (192, 256), padding)[0]
    for image_xy, crop_xy in points:
        assert np.allclose(geometry.apply(matrix, np.array([image_xy])), [crop_xy])


def test_rotation_turns_the_content_clockwise_on_the_screen():
    matrix = geometry.crop_matrices([[0, 0, 100, 100]], (100, 100), 1.0, 90)[0]
    centre = np.array([49.5, 49.5])
    right_of_centre = geometry.apply(matrix, np.array([[60.0, 50.0]]))[0]
    assert np.allclose(right_of_centre - centre, [0, 10])  # y is down: right went below


def test_crop_matrices_of_nobody_and_of_an_empty_box():
    assert geometry.crop_matrices(np.zeros((0, 4)), (192, 256)).shape == (0, 2, 3)
    assert np.isfinite(geometry.crop_matrices(np.zeros((1, 4)), (192, 256))).all()


def crop_of_mmpose(box, size_wh, padding, udp):
    """Return mmpose's matrix: get_warp_matrix, or get_udp_warp_matrix, without rotation."""
    centre, scale = (
        np.array([box[0] + box[2], box[1] + box[3]]) / 2,
        padding * np.array([box[2] - box[0], box[3] - box[1]]),
    )
    width, height = scale
    ratio = size_wh[0] / size_wh[1]
    width, height = (width, width / ratio) if width > height * ratio else (height * ratio, height)
    size = np.array(size_wh) - (1 if udp else 0)
    x, y = size / [width, height]
    return np.array([[x, 0, size[0] / 2 - x * centre[0]], [0, y, size[1] / 2 - y * centre[1]]])


@pytest.mark.parametrize("crop, udp", [("half_size", False), ("udp", True)])
@pytest.mark.parametrize("size_wh", [(192, 256), (256, 256), (384, 288)])
@pytest.mark.parametrize("box", [[0, 0, 192, 256], [100, 100, 484, 200], [-20, 30, 10, 612]])
def test_crops_are_those_of_other_programs(box, size_wh, crop, udp):
    matrix = geometry.crop_matrices([box], size_wh, 1.25, crop=crop)[0]
    assert np.allclose(matrix, crop_of_mmpose(box, size_wh, 1.25, udp))


def test_udp_puts_the_corners_of_the_grown_box_on_the_corner_pixels():
    matrix = geometry.crop_matrices([[10, 20, 58, 84]], (192, 256), 1.25, crop="udp")
    corners = np.array([[[34 - 30, 52 - 40], [34 + 30, 52 + 40]]])  # 48 x 64 grows to 60 x 80
    assert np.allclose(geometry.apply(matrix, corners), [[[0, 0], [191, 255]]])


def test_udp_turns_before_it_scales():
    matrix = geometry.crop_matrices([[0, 0, 100, 100]], (100, 200), 1.0, 90, "udp")[0]
    assert np.allclose(geometry.apply(matrix, np.array([[60.0, 50.0]])), [[49.5, 99.5 + 10 * 199 / 200]])


@pytest.mark.parametrize("crop", ["centre", "half_size", "udp"])
def test_crop_of_nobody(crop):
    assert geometry.crop_matrices(np.zeros((0, 4)), (192, 256), crop=crop).shape == (0, 2, 3)


@pytest.mark.parametrize("count", [0, 1, 5])
def test_crop_and_back(count):
    boxes = random_boxes(count, 5)
    matrices = geometry.crop_matrices(boxes, (48, 64), 1.25, np.linspace(-40, 40, count))
    xy = np.random.RandomState(6).rand(count, 17, 2) * 100
    there = geometry.apply(matrices, xy)
    assert there.shape == xy.shape and np.allclose(geometry.apply(geometry.invert(matrices), there), xy)


@pytest.mark.parametrize("shape", [(2,), (5, 2), (3, 5, 2)])
def test_apply_of_a_single_matrix_takes_any_points(shape):
    matrix = np.array([[2.0, 0, 1], [0, 3, -1]])
    xy = np.random.RandomState(7).rand(*shape)
    assert np.allclose(geometry.apply(matrix, xy), xy * [2, 3] + [1, -1])


@pytest.mark.parametrize(
    "image_wh, size_wh, scale", [((640, 480), (320, 256), 0.5), ((480, 640), (320, 256), 0.4), ((32, 32), (64, 96), 2)]
)
def test_letterbox_fits_the_image_at_the_top_left(image_wh, size_wh, scale):
    matrix = geometry.letterbox_matrix(image_wh, size_wh)
    edges = geometry.apply(matrix, np.array([[-0.5, -0.5], [image_wh[0] - 0.5, image_wh[1] - 0.5]]))
    assert np.allclose(edges[0], [-0.5, -0.5])  # pixel edges, half a pixel outside the centres
    assert np.allclose(edges[1] + 0.5, np.array(image_wh) * scale)
    assert (edges[1] + 0.5 <= np.array(size_wh) + 1e-9).all()


@pytest.mark.parametrize(
    "image_wh, short_side, size_wh",
    [
        ((512, 512), 512, (512, 512)),
        ((640, 480), 512, (704, 512)),  # 682.7 is 10.7 times 64
        ((480, 640), 512, (512, 704)),
        ((640, 426), 512, (832, 512)),  # 769.2 is just over 12 times 64
        ((500, 333), 448, (704, 448)),
        ((640, 360), 448, (832, 448)),
        ((1920, 1080), 448, (832, 448)),
        ((64, 48), 256, (384, 256)),
        ((640, 480), 450, (704, 512)),  # the short side, too, becomes a multiple
        ((1001, 1000), 512, (512, 512)),  # 512.5: HigherHRNet's rule does not count less than a pixel
    ],
)
def test_short_side_by_hand(image_wh, short_side, size_wh):
    assert geometry.short_side_wh(image_wh, short_side) == size_wh


def test_what_is_in_reach():
    assert geometry.in_reach(np.zeros((0, 4))).shape == (0,)
    points = [[0, -1e6], [0, np.nan], [np.inf, 0], [-np.inf, np.nan], [3e38, 0], [0, -1.1e6]]
    for dtype in (np.float32, np.float64):
        assert geometry.in_reach(np.array(points, dtype)).tolist() == [True] + [False] * 5


def slow_nms(boxes, scores, threshold):
    left = sorted(range(len(boxes)), key=lambda i: (-scores[i], i))
    kept = []
    while left:
        best = left.pop(0)
        kept.append(best)
        left = [i for i in left if geometry.iou(boxes[best : best + 1], boxes[i : i + 1])[0, 0] <= threshold]
    return kept


@pytest.mark.parametrize("threshold", [0.0, 0.3, 0.7, 1.0])
@pytest.mark.parametrize("count", [0, 1, 40])
def test_box_nms_is_the_slow_one(count, threshold):
    random = np.random.RandomState(count)
    corner = random.rand(count, 2) * 30
    boxes, scores = np.concatenate([corner, corner + 5 + random.rand(count, 2) * 30], 1), random.rand(count)
    assert geometry.box_nms(boxes, scores, threshold).tolist() == slow_nms(boxes, scores, threshold)


def test_what_a_dropped_one_overlaps_is_kept():
    """b overlaps a and c; b goes because of a, so c stays."""
    boxes = np.array([[0, 0, 10, 10], [4, 0, 14, 10], [8, 0, 18, 10]], float)
    assert geometry.box_nms(boxes, [0.9, 0.8, 0.7], 0.3).tolist() == [0, 2]


def test_equal_scores_keep_their_order():
    assert geometry.nms(np.eye(3), [0.5, 0.5, 0.5], 0.5).tolist() == [0, 1, 2]


@pytest.mark.parametrize("largest_iou", [None, 0.5])
def test_best_boxes_of_none(largest_iou):
    assert geometry.best_boxes(np.zeros((0, 4)), np.zeros(0), 0.1, largest_iou).shape == (0,)


@pytest.mark.parametrize("largest_iou, expected", [(None, [1, 0, 6, 4]), (0.5, [1, 6, 4])])
def test_best_boxes_by_hand(largest_iou, expected):
    boxes = np.array([[0, 0, 10, 10], [0, 0, 10, 9], [0, 0, np.nan, 1], [0, 0, 1e9, 1], [20, 0, 30, 10]] * 2)
    boxes[6] += 50
    scores = np.array([0.8, 0.9, 1, 1, 0.3, 0.29, 0.7, np.nan, np.inf, 0.1])
    assert geometry.best_boxes(boxes, scores, 0.3, largest_iou).tolist() == expected


def test_best_boxes_are_few():
    boxes, scores = random_boxes(geometry.MAX_CANDIDATES + 50, 8), np.random.RandomState(9).rand(350)
    kept = geometry.best_boxes(boxes, scores, 0.0)
    assert kept.tolist() == np.argsort(-scores)[: geometry.MAX_CANDIDATES].tolist()


@pytest.mark.parametrize("crop", ["centre", "half_size", "udp"])
def test_pixels_inside_are_those_that_map_into_the_padded_box(crop):
    boxes = np.array([[10, 20, 40, 90], [-30, 5, 90, 40], [50.2, 50.7, 50.9, 51.1], [200, 10, 248, 74]])
    matrices = geometry.crop_matrices(boxes, (48, 64), 1.1, crop=crop)
    ends = geometry.pixels_inside(matrices, boxes, 1.1, (48, 64))
    y, x = np.mgrid[:64, :48]
    for box, matrix, (left, top, right, bottom) in zip(boxes, matrices, ends):
        image_xy = geometry.apply(geometry.invert(matrix), np.stack([x, y], -1).reshape(-1, 2)).reshape(64, 48, 2)
        centre, half = (box[:2] + box[2:]) / 2, 1.1 * np.maximum(box[2:] - box[:2], 1) / 2
        inside = (np.abs(image_xy - centre) <= half + 1e-6).all(-1)
        expected = np.zeros((64, 48), bool)
        expected[top:bottom, left:right] = True
        assert (inside == expected).all() and inside.any()


def test_pixels_inside_of_nobody():
    assert geometry.pixels_inside(np.zeros((0, 2, 3)), np.zeros((0, 4)), 1.25, (48, 64)).shape == (0, 4)


def test_the_similarity_of_the_better_one_to_the_worse_one_counts():
    similarity = np.array([[1, 0.2], [0.9, 1]])
    assert geometry.nms(similarity, [0.9, 0.5], 0.5).tolist() == [0, 1]
    assert geometry.nms(similarity, [0.5, 0.9], 0.5).tolist() == [1]
