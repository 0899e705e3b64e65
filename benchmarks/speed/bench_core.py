"""Compare the speed of decoding, cropping, grouping and drawing with simple reference implementations; print a table.

Both are timed in one run. Ratios differ less from machine to machine than milliseconds do.
Run: python benchmarks/speed/bench_core.py
"""

import time
from functools import partial

import cv2
import numpy as np
from grouping_by_loop import group_by_loop

from pose_estimation_ros.core.geometry import crop_matrices
from pose_estimation_ros.core.grouping import group, joint_order
from pose_estimation_ros.core.heatmap import FARTHEST_STEP, decode, decode_dark, encode
from pose_estimation_ros.core.model_spec import ModelSpec
from pose_estimation_ros.core.poses import make_poses
from pose_estimation_ros.core.skeleton import get_skeleton
from pose_estimation_ros.imaging.crops import warp_crops
from pose_estimation_ros.imaging.draw import draw_poses
from pose_estimation_ros.inference.decoders.people import PeopleInGraph
from pose_estimation_ros.inference.decoders.simcc import SimCC

REPEATS = 50
GROUP_REPEATS = 5
SLOW_REPEATS = 10
SIZE_WH = (192, 256)
SKELETONS = {17: "coco17", 133: "wholebody133"}
CROWDS = tuple((people, keypoints) for keypoints in SKELETONS for people in (1, 10, 30))


def decode_by_loop(heatmaps):
    """Decode one heatmap at a time, as the papers' test code does.

    Args:
        heatmaps: (N, K, h, w) float32.

    Returns:
        xy (N, K, 2) in px of the heatmaps and score (N, K), float32.
    """
    xy, score = np.zeros(heatmaps.shape[:2] + (2,), np.float32), np.zeros(heatmaps.shape[:2], np.float32)
    height, width = heatmaps.shape[2:]
    for person, joints in enumerate(heatmaps):
        for joint, heatmap in enumerate(joints):
            y, x = np.unravel_index(heatmap.argmax(), heatmap.shape)
            xy[person, joint], score[person, joint] = (x, y), heatmap[y, x].clip(0, 1)
            if 0 < x < width - 1:
                xy[person, joint, 0] += 0.25 * np.sign(heatmap[y, x + 1] - heatmap[y, x - 1])
            if 0 < y < height - 1:
                xy[person, joint, 1] += 0.25 * np.sign(heatmap[y + 1, x] - heatmap[y - 1, x])
    return xy, score


def dark_by_loop(heatmaps, kernel=11):
    """Decode one heatmap at a time by DARK, with a blur of the whole map, as UDP's and mmpose's code do.

    Args:
        heatmaps: (N, K, h, w) float32.
        kernel: Size of the blur's kernel, px.

    Returns:
        xy (N, K, 2) in px of the heatmaps and score (N, K).
    """
    xy, score, rim = np.zeros(heatmaps.shape[:2] + (2,)), np.zeros(heatmaps.shape[:2]), kernel // 2
    for place in np.ndindex(heatmaps.shape[:2]):
        heatmap = heatmaps[place]
        y, x = np.unravel_index(heatmap.argmax(), heatmap.shape)
        blurred = cv2.GaussianBlur(np.pad(heatmap, rim), (kernel, kernel), 0)[rim:-rim, rim:-rim]
        blurred = blurred * heatmap.max() / blurred.max()
        log = np.pad(np.log(np.clip(blurred, 1e-3, 50).astype(float)), 1, "edge")[y : y + 3, x : x + 3]
        slope = np.array([log[1, 2] - log[1, 0], log[2, 1] - log[0, 1]]) / 2
        xx, yy = log[1, 2] - 2 * log[1, 1] + log[1, 0], log[2, 1] - 2 * log[1, 1] + log[0, 1]
        mixed = (log[2, 2] - log[1, 2] - log[2, 1] + 2 * log[1, 1] - log[1, 0] - log[0, 1] + log[0, 0]) / 2
        hessian = np.array([[xx, mixed], [mixed, yy]]) + np.finfo(np.float32).eps * np.eye(2)
        step = -np.linalg.solve(hessian, slope)
        xy[place] = np.array([x, y]) + (step if np.abs(step).max() <= FARTHEST_STEP else 0)
        score[place] = heatmap[y, x].clip(0, 1)
    return xy, score


def simcc_by_loop(simcc_x, simcc_y):
    """Decode one pair of vectors at a time, two bins to the pixel: xy (N, K, 2) in px and score (N, K)."""
    xy, score = np.zeros(simcc_x.shape[:2] + (2,)), np.zeros(simcc_x.shape[:2])
    for place in np.ndindex(simcc_x.shape[:2]):
        x, y = simcc_x[place], simcc_y[place]
        xy[place] = x.argmax() / 2, y.argmax() / 2
        if 0 < x.argmax() < len(x) - 1 and 0 < y.argmax() < len(y) - 1:  # a peak at the rim is no evidence
            score[place] = min(x.max(), y.max(), 1)
    return xy, score


def people_by_loop(outputs, largest_iou):
    """Suppress one box after the other and sort the people: boxes, person scores, xy and scores."""
    boxes, scores, keypoints = (outputs[name][0] for name in ("boxes_xyxy", "scores", "keypoints"))
    kept = []
    for index in np.argsort(-scores, kind="stable"):
        x1, y1, x2, y2 = boxes[index]
        for other in kept:
            left, top, right, bottom = boxes[other]
            shared = max(0, min(x2, right) - max(x1, left)) * max(0, min(y2, bottom) - max(y1, top))
            if shared > largest_iou * ((x2 - x1) * (y2 - y1) + (right - left) * (bottom - top) - shared):
                break
        else:
            kept.append(index)
    return boxes[kept], scores[kept], keypoints[kept][..., :2], keypoints[kept][..., 2]


def crops_by_stacking(frame, matrices, size_wh):
    """Make one crop at a time, swap its colour channels with OpenCV, and stack the crops.

    Args:
        frame: (H, W, 3) uint8 image, BGR.
        matrices: (N, 2, 3) affine matrices from the frame to the crops.
        size_wh: Width and height of a crop, px.

    Returns:
        Crops (N, 3, h, w) float32, RGB.
    """
    crops = [cv2.warpAffine(frame, matrix, size_wh, flags=cv2.INTER_LINEAR) for matrix in matrices]
    return np.stack([cv2.cvtColor(crop, cv2.COLOR_BGR2RGB).transpose(2, 0, 1) for crop in crops]).astype(np.float32)


def milliseconds(*functions, repeats=REPEATS):
    """Return the median time of each function in ms; they take turns, so that other programs slow all of them alike."""
    times = [[] for _ in functions]
    for _ in range(repeats):
        for function, milliseconds_of_function in zip(functions, times, strict=True):
            start_s = time.perf_counter()
            function()
            milliseconds_of_function.append(1e3 * (time.perf_counter() - start_s))
    return [float(np.median(values)) for values in times]


def compare_decode():
    """Return the times of our decoding and of the reference in ms for 8 people, after checking that both agree."""
    heatmaps = np.random.RandomState(0).rand(8, 17, 64, 48).astype(np.float32)
    for ours, reference in zip(decode(heatmaps), decode_by_loop(heatmaps), strict=True):
        np.testing.assert_allclose(ours, reference)
    return milliseconds(lambda: decode(heatmaps), lambda: decode_by_loop(heatmaps))


def spec_of(task, decoder, keypoints, **options):
    """Return the spec of a model with a decoder and its options."""
    skeleton = get_skeleton(SKELETONS[keypoints])
    return ModelSpec("x", task, SIZE_WH, "rgb", skeleton, 1, decoder, 1.25, "", {}, {}, options)


def compare_dark(people, keypoints):
    """Return the times of DARK's decoding and of the reference in ms, after checking that both agree."""
    random = np.random.RandomState(0)
    places = random.uniform(2, 46, (people * keypoints, 2))
    maps = encode(places, np.ones(len(places)), (48, 64))[0] + random.normal(0, 0.005, (len(places), 64, 48))
    heatmaps = maps.astype(np.float32).reshape(people, keypoints, 64, 48)
    for ours, reference in zip(decode_dark(heatmaps), dark_by_loop(heatmaps), strict=True):
        np.testing.assert_allclose(ours, reference, atol=2e-3)
    return milliseconds(lambda: decode_dark(heatmaps), lambda: dark_by_loop(heatmaps), repeats=SLOW_REPEATS)


def compare_simcc(people, keypoints):
    """Return the times of SimCC's decoding and of the reference in ms, after checking that both agree."""
    random = np.random.RandomState(0)
    vectors = [random.rand(people, keypoints, 2 * side).astype(np.float32) for side in SIZE_WH]
    outputs = dict(zip(("simcc_x", "simcc_y"), vectors, strict=True))
    decode_simcc = SimCC(spec_of("top_down", "simcc", keypoints))
    for ours, reference in zip(decode_simcc(outputs), simcc_by_loop(*vectors), strict=True):
        np.testing.assert_allclose(ours, reference)
    return milliseconds(lambda: decode_simcc(outputs), lambda: simcc_by_loop(*vectors), repeats=SLOW_REPEATS)


def compare_people(people, keypoints):
    """Return the times of reading people and of the reference in ms, after checking that both agree.

    There are 300 candidates, as many for each person.
    """
    random = np.random.RandomState(0)
    corner = np.repeat(100.0 * np.arange(people), 300 // people)[:, None] + random.uniform(0, 4, (300, 2))
    boxes = np.concatenate([corner, corner + 60], 1)
    arrays = {"boxes_xyxy": boxes, "scores": random.rand(300), "keypoints": random.rand(300, keypoints, 3)}
    outputs = {name: array[None].astype(np.float32) for name, array in arrays.items()}
    read = PeopleInGraph(spec_of("one_stage", "people", keypoints, nms_iou=0.7))
    for ours, reference in zip(read(outputs), people_by_loop(outputs, 0.7), strict=True):
        np.testing.assert_allclose(ours, reference)
    return milliseconds(lambda: read(outputs), lambda: people_by_loop(outputs, 0.7), repeats=SLOW_REPEATS)


def compare_crops():
    """Return the times of our crops and of the reference in ms for 8 people, after checking that both agree."""
    frame = np.random.RandomState(1).randint(0, 256, (480, 640, 3)).astype(np.uint8)
    left = np.arange(8) * 70.0
    matrices = crop_matrices(np.stack([left, left * 0 + 60, left + 110, left * 0 + 400], 1), SIZE_WH)
    np.testing.assert_array_equal(warp_crops(frame, matrices, SIZE_WH), crops_by_stacking(frame, matrices, SIZE_WH))
    return milliseconds(
        lambda: warp_crops(frame, matrices, SIZE_WH), lambda: crops_by_stacking(frame, matrices, SIZE_WH)
    )


def compare_group(people):
    """Return the times of our grouping and of the reference in ms, after checking that both agree.

    The maps are those of a 448x448 px image at half its size; a quarter of the joints is hidden.
    """
    random = np.random.RandomState(people)
    heatmaps = random.uniform(-0.02, 0.02, (17, 224, 224)).astype(np.float32)
    tags = random.normal(0, 1, heatmaps.shape).astype(np.float32)
    for person in range(people):
        xy, seen = random.randint(4, 220, (17, 2)), random.rand(17) < 0.75
        height = random.uniform(0.5, 1, (17, 1, 1)).astype(np.float32)
        heatmaps = np.maximum(heatmaps, height * encode(xy.astype(float), seen, (224, 224))[0])
        for k in np.flatnonzero(seen):
            x, y = xy[k]
            tags[k, y - 3 : y + 4, x - 3 : x + 4] = 1.5 * person + random.normal(0, 0.1, (7, 7))
    order = joint_order(get_skeleton("coco17"))
    for ours, reference in zip(group(heatmaps, tags, order), group_by_loop(heatmaps, tags, order), strict=True):
        np.testing.assert_allclose(ours, reference, atol=1e-5)
    return milliseconds(
        lambda: group(heatmaps, tags, order), lambda: group_by_loop(heatmaps, tags, order), repeats=GROUP_REPEATS
    )


def draw_opaque(frame, poses, skeleton):
    """Draw people with OpenCV alone, in one colour: outlines, links, joints and ids at fixed places, all opaque."""
    drawn = frame.copy()
    for person in poses:
        xy = person.xy.round().astype(int).tolist()
        for color, width in (((30, 30, 30), 4), ((64, 160, 255), 2)):
            for a, b in skeleton.links:
                cv2.line(drawn, xy[a], xy[b], color, width, cv2.LINE_AA)
            for joint in xy:
                cv2.circle(drawn, joint, width, color, -1, cv2.LINE_AA)
        cv2.putText(drawn, str(person.track_id), xy[0], cv2.FONT_HERSHEY_SIMPLEX, 0.5, (255, 255, 255), 1, cv2.LINE_AA)
    return drawn


def compare_drawing(people, keypoints):
    """Return the times of draw_poses and of opaque drawing in ms; people of 120 px in an image of 640x480."""
    random, skeleton = np.random.RandomState(0), get_skeleton(SKELETONS[keypoints])
    frame = random.randint(0, 256, (480, 640, 3)).astype(np.uint8)
    xy = random.rand(people, keypoints, 2) * (50, 120) + random.rand(people, 1, 2) * (590, 360)
    boxes, score = np.concatenate([xy.min(1), xy.max(1)], 1), np.full((people, keypoints), 0.8)
    poses = make_poses(xy, score, boxes, np.ones(people), np.arange(people), skeleton)
    assert (draw_poses(frame, poses) != frame).any()
    return milliseconds(
        lambda: draw_poses(frame, poses), lambda: draw_opaque(frame, poses, skeleton), repeats=SLOW_REPEATS
    )


def main():
    """Run all comparisons and print their table."""
    print(f"{f'median of {REPEATS}':46} {'ours ms':>9} {'reference ms':>14} {'ratio':>6}")
    for name, compare in (
        ("decode 8x17x64x48 heatmaps", compare_decode),
        ("crop 8 people of 640x480 to 192x256, RGB NCHW", compare_crops),
        *(
            (f"group {people} people, 17x224x224 (of {GROUP_REPEATS})", partial(compare_group, people))
            for people in (1, 10, 30)
        ),
        *(
            (f"{name} {people} people, {keypoints} keypoints (of {SLOW_REPEATS})", partial(compare, people, keypoints))
            for name, compare in (
                ("dark", compare_dark),
                ("simcc", compare_simcc),
                ("300 boxes:", compare_people),
                ("draw", compare_drawing),
            )
            for people, keypoints in CROWDS
        ),
    ):
        ours, reference = compare()
        print(f"{name:46} {ours:9.3f} {reference:14.3f} {ours / reference:6.2f}")


if __name__ == "__main__":
    main()
