"""Decode, crop warping and grouping against the obvious way to write them, in one run on this machine; prints a table.

Ratios travel from machine to machine better than milliseconds do. Run: python benchmarks/bench_core.py
"""

import time
from functools import partial

import cv2
import numpy as np
from grouping_by_loop import group_by_loop

from pose_estimation_ros.core.geometry import crop_matrices
from pose_estimation_ros.core.grouping import group, joint_order
from pose_estimation_ros.core.heatmap import decode, encode
from pose_estimation_ros.core.skeleton import get_skeleton
from pose_estimation_ros.imaging.crops import warp_crops

REPEATS = 50
GROUP_REPEATS = 5
SIZE_WH = (192, 256)


def decode_by_loop(heatmaps):
    """The papers' test code: one heatmap at a time."""
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


def crops_by_stacking(frame, matrices, size_wh):
    """One crop at a time, colours exchanged by OpenCV, then stacked."""
    crops = [cv2.warpAffine(frame, matrix, size_wh, flags=cv2.INTER_LINEAR) for matrix in matrices]
    return np.stack([cv2.cvtColor(crop, cv2.COLOR_BGR2RGB).transpose(2, 0, 1) for crop in crops]).astype(np.float32)


def milliseconds(*functions, repeats=REPEATS):
    """Median time of each function; they take turns, so that whatever else runs here slows all of them alike."""
    times = [[] for _ in functions]
    for _ in range(repeats):
        for function, own in zip(functions, times, strict=True):
            start = time.perf_counter()
            function()
            own.append(1e3 * (time.perf_counter() - start))
    return [float(np.median(own)) for own in times]


def compare_decode():
    """Ours and the reference in ms for 8 people; raises AssertionError where they differ."""
    heatmaps = np.random.RandomState(0).rand(8, 17, 64, 48).astype(np.float32)
    for ours, theirs in zip(decode(heatmaps), decode_by_loop(heatmaps), strict=True):
        np.testing.assert_allclose(ours, theirs)
    return milliseconds(lambda: decode(heatmaps), lambda: decode_by_loop(heatmaps))


def compare_crops():
    """Ours and the reference in ms for 8 people of 640x480; raises AssertionError where they differ."""
    frame = np.random.RandomState(1).randint(0, 256, (480, 640, 3)).astype(np.uint8)
    left = np.arange(8) * 70.0
    matrices = crop_matrices(np.stack([left, left * 0 + 60, left + 110, left * 0 + 400], 1), SIZE_WH)
    np.testing.assert_array_equal(warp_crops(frame, matrices, SIZE_WH), crops_by_stacking(frame, matrices, SIZE_WH))
    return milliseconds(
        lambda: warp_crops(frame, matrices, SIZE_WH), lambda: crops_by_stacking(frame, matrices, SIZE_WH)
    )


def compare_group(people):
    """Ours and the reference in ms on the 1/2 maps of 448x448 px, a quarter of the joints hidden; asserts equality."""
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
    for ours, theirs in zip(group(heatmaps, tags, order), group_by_loop(heatmaps, tags, order), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)
    return milliseconds(
        lambda: group(heatmaps, tags, order), lambda: group_by_loop(heatmaps, tags, order), repeats=GROUP_REPEATS
    )


def main():
    print(f"{f'median of {REPEATS}':46} {'ours ms':>9} {'reference ms':>14} {'ratio':>6}")
    for name, compare in (
        ("decode 8x17x64x48 heatmaps", compare_decode),
        ("crop 8 people of 640x480 to 192x256, RGB NCHW", compare_crops),
        *(
            (f"group {people} people, 17x224x224 (of {GROUP_REPEATS})", partial(compare_group, people))
            for people in (1, 10, 30)
        ),
    ):
        ours, reference = compare()
        print(f"{name:46} {ours:9.3f} {reference:14.3f} {ours / reference:6.2f}")


if __name__ == "__main__":
    main()
