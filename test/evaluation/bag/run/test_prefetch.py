"""What a thread makes ready comes in order, and no more of it than was asked for."""

import threading
from collections import defaultdict
from contextlib import closing

import numpy as np
import pytest
from bag_images import TOPIC, dot_image, image_message

from pose_estimation_ros.core.errors import DataError, FrameError
from pose_estimation_ros.evaluation.bag.files.reader import Recorded
from pose_estimation_ros.evaluation.bag.run.frames import load_frames
from pose_estimation_ros.evaluation.bag.run.prefetch import prefetch


@pytest.mark.parametrize("count, depth", [(0, 1), (1, 1), (5, 1), (5, 3), (5, 9)])
def test_the_same_in_the_same_order(count, depth):
    seconds = defaultdict(float)
    with closing(prefetch(iter(range(count)), seconds, depth)) as items:
        assert list(items) == list(range(count))
    assert set(seconds) == {"wait_for_frames", "wait_for_room"}
    assert not [t for t in threading.enumerate() if t.name == "reading ahead"]


def test_errors_come_behind_what_was_made_before():
    def source():
        yield 1
        yield 2
        raise DataError("damaged")

    taken = []
    with closing(prefetch(source(), defaultdict(float))) as items, pytest.raises(DataError, match="damaged"):
        taken.extend(iter(lambda: next(items), None))
    with closing(prefetch(source(), defaultdict(float))) as items:
        assert [next(items), next(items)] == [1, 2]


def test_the_next_is_made_while_one_is_worked_on():
    """Of each item the work ends only when the next has been made: one thread alone would wait for ever."""
    made = [threading.Event() for _ in range(4)]

    def source():
        for index, event in enumerate(made):
            event.set()
            yield index

    with closing(prefetch(source(), defaultdict(float), 2)) as items:
        for index in items:
            assert made[min(index + 1, 3)].wait(30)


def test_no_more_than_the_depth_and_closed_on_the_way():
    made, full = [], threading.Event()

    def source():
        for index in range(100):
            made.append(index)
            if len(made) == 4:
                full.set()
            yield index

    items = prefetch(source(), defaultdict(float), 3)
    assert next(items) == 0 and full.wait(30)  # one was taken, three wait
    items.close()
    assert made == [0, 1, 2, 3]


@pytest.mark.parametrize("decode", [False, True])
def test_images_and_what_is_none(blob, decode):
    good, bad = image_message(dot_image(blob, 30), 5), image_message(dot_image(blob, 30), 6)
    bad.encoding = "32FC1"
    seconds = defaultdict(float)
    first, second = load_frames([Recorded(TOPIC, i, i, i, m) for i, m in enumerate((good, bad))], decode, seconds)
    assert (first.decoded is None) != decode and first.stamp_ns == 0
    np.testing.assert_array_equal(first.image(), dot_image(blob, 30))
    with pytest.raises(FrameError, match="32FC1"):
        second.image()
    assert set(seconds) == ({"read", "decode"} if decode else {"read"})
