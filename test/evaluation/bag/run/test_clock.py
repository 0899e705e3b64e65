"""The node's policy against a simulation of its two actors, subscription and thread, in steps of one millisecond."""

import numpy as np
import pytest

from pose_estimation_ros.evaluation.bag.files.reader import Recorded
from pose_estimation_ros.evaluation.bag.run.clock import distribution, every_frame, newest_frames

MS = 10**6


def frames(stamps_ms):
    return [Recorded("/t", index, stamp * MS, stamp * MS, None) for index, stamp in enumerate(stamps_ms)]


def taken(stamps_ms, latency_ms):
    return [(t.frame.index, t.start_ns // MS) for t in newest_frames(frames(stamps_ms), lambda: latency_ms * MS)]


@pytest.mark.parametrize(
    "stamps_ms, latency_ms, expected",
    [
        ([], 100, []),
        ([5], 100, [(0, 5)]),
        ([10, 20, 30], 5, [(0, 10), (1, 20), (2, 30)]),  # idle at each arrival
        ([0, 10, 20, 30, 40], 25, [(0, 0), (2, 25), (4, 50)]),  # 1 is replaced by 2, 3 by 4
        ([0, 10, 20], 20, [(0, 0), (2, 20)]),  # arrives in the moment of leisure: newer than the one that waits
        ([0, 10], 1000, [(0, 0), (1, 1000)]),  # the last one waits for as long as it takes
        ([50, 40, 60], 5, [(0, 50), (1, 55), (2, 60)]),  # out of order: recorded, hence arrived, after 50
        ([50, 50, 50], 5, [(0, 50), (2, 55)]),
    ],
)
def test_newest_frames_by_hand(stamps_ms, latency_ms, expected):
    assert taken(stamps_ms, latency_ms) == expected


def simulated(stamps_ms, latency_ms):
    """Time goes by in milliseconds: first a frame may arrive in the queue of one, then an idle thread looks into it."""
    queue, busy_until, done = None, 0, []
    for now in range(stamps_ms[-1] + 10 * latency_ms):
        for index, stamp in enumerate(stamps_ms):
            if stamp == now:
                queue = index
        if queue is not None and now >= busy_until:
            done.append((queue, now))
            queue, busy_until = None, now + latency_ms
    return done


@pytest.mark.parametrize("latency_ms", [1, 7, 33, 34, 100, 250])
def test_newest_frames_against_a_simulation(latency_ms):
    stamps_ms = np.cumsum(np.random.default_rng(latency_ms).integers(1, 80, 60)).tolist()
    assert taken(stamps_ms, latency_ms) == simulated(stamps_ms, latency_ms)


def test_at_30_hz_100_ms_take_every_third_frame():
    recorded = [Recorded("/t", i, round(i * 1e9 / 30), 0, None) for i in range(300)]
    got = list(newest_frames(recorded, lambda: 100 * MS))
    assert [t.frame.index for t in got] == [*range(0, 300, 3), 299]
    assert {t.start_ns - t.frame.stamp_ns for t in got[:-1]} == {0}, "each arrives as the one before is done"


def test_every_frame_is_every_frame():
    assert list(every_frame(iter([]))) == []
    assert [(t.frame.index, t.start_ns) for t in every_frame(frames([5, 4, 4]))] == [(0, None), (1, None), (2, None)]


@pytest.mark.parametrize(
    "values, expected",
    [
        ([], {"count": 0}),
        ([7.0], {"count": 1, "min": 7, "max": 7, "mean": 7, "p50": 7, "p90": 7, "p99": 7}),
        ([4, 1, 3, 2], {"count": 4, "min": 1, "max": 4, "mean": 2.5, "p50": 2, "p90": 4, "p99": 4}),
        (list(range(1, 101)), {"count": 100, "min": 1, "max": 100, "mean": 50.5, "p50": 50, "p90": 90, "p99": 99}),
    ],
)
def test_distribution(values, expected):
    assert distribution(values) == expected
