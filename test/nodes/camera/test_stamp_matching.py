"""Sequences of messages as cameras, bags and slow detectors send them, against sets worked out by hand."""

import numpy as np
import pytest

from pose_estimation_ros.core.errors import ConfigError
from pose_estimation_ros.nodes.camera.stamp_matching import Joiner

MS = 10**6


def feed(joiner, sequence):
    """sequence: words such as "i40" (image of 40 ms), "d0", "b0" -> the sets as words, in the order of coming."""
    names = {"i": "image", "d": "depth", "b": "boxes"}
    sets = [joiner.add(names[word[0]], int(word[1:]) * MS, word) for word in sequence.split()]
    return [" ".join(sorted(joined.values())) for joined in sets if joined is not None]


@pytest.mark.parametrize(
    "partners, sequence, sets, dropped",
    [
        ({}, "", [], {}),
        ({}, "i0 i33 i33 i0", ["i0", "i33", "i33", "i0"], {}),  # nobody to wait for
        (dict(depth=0), "i0 d0 d33 i33", ["d0 i0", "d33 i33"], {}),  # whichever comes first
        (dict(depth=0), "i0 d1", [], {}),
        (dict(depth=0.02), "i0 d20 i40 d19", ["d20 i0"], {"depth": 1}),  # 20 ms are allowed, 21 not
        (dict(depth=0.02), "d10 d21 i33 d54", ["d21 i33"], {"depth": 1}),
        (dict(depth=0.02), "d10 d30 d35 i33", ["d35 i33"], {"depth": 2}),  # the nearest, not the first
        (dict(depth=0), "d5 d5 i5", ["d5 i5"], {"depth": 1}),
        # Once 66 is there, 0 and 33 are given up.
        (dict(depth=0), "i0 i33 i66 d66 d33 d0", ["d66 i66"], {"image": 2}),  # d33, d0 wait in vain
        (dict(depth=0), "i0 i33 d0 d33", ["d0 i0", "d33 i33"], {}),
        (dict(depth=0, boxes=0), "i0 d0 i33 d33 b0 b33", ["b0 d0 i0", "b33 d33 i33"], {}),
        (dict(depth=0, boxes=0), "i0 d0 i33 b33 d33", ["b33 d33 i33"], {"image": 1, "depth": 1}),
        (dict(depth=0.02), "i0 i30 d15", ["d15 i30"], {"image": 1}),
        # More is allowed than a period: the nearest image all the same, and not one late for ever after a lost image.
        (dict(depth=0.1), "i0 i33 d0 d33", ["d0 i0", "d33 i33"], {}),
        (dict(depth=0.1), "d0 i33 d33 i66 d66 i99 d99", ["d0 i33", "d66 i66", "d99 i99"], {"depth": 1}),
        # A message serves once: a depth camera of half the rate gives half the sets.
        (dict(depth=0.04), "d0 i0 i33 d66 i66", ["d0 i0", "d66 i33"], {}),
        # A bag begins again, and the clock jumps forwards.
        (dict(depth=0), "i900 d901 i0 d0 i33 d33", ["d0 i0", "d33 i33"], {"image": 1, "depth": 1}),
        (dict(depth=0), "i0 i900 d900 d901 i901", ["d900 i900", "d901 i901"], {"image": 1}),
        # A driver that sets no stamps: the newest of each.
        (dict(depth=0), "i0 d0 d0 d0 i0", ["d0 i0", "d0 i0"], {"depth": 1}),
    ],
)
def test_sets(partners, sequence, sets, dropped):
    joiner = Joiner(partners)
    assert feed(joiner, sequence) == sets
    assert joiner.dropped == dict({name: 0 for name in ["image"] + list(partners)}, **dropped)


def test_a_set_has_the_messages_by_their_streams():
    joiner = Joiner({"depth": 0.0}, leading="colour")
    first, second = object(), object()
    assert joiner.add("colour", 7, first) is None
    joined = joiner.add("depth", 7, second)
    assert sorted(joined) == ["colour", "depth"] and joined["colour"] is first and joined["depth"] is second
    assert joiner.pending == {"colour": 0, "depth": 0} and joiner.why_waiting() == ""


def test_nothing_grows_where_a_partner_never_comes():
    joiner = Joiner({"depth": 0.02, "boxes": 0.0}, keep=3)
    assert feed(joiner, " ".join("i%d b%d" % (t, t) for t in range(0, 3300, 33))) == []
    assert joiner.pending == {"image": 3, "depth": 0, "boxes": 3}
    assert joiner.dropped == {"image": 97, "depth": 0, "boxes": 97}
    assert joiner.why_waiting() == "no depth with 3 image waiting"


def test_a_partner_that_is_off_is_reported():
    joiner = Joiner({"depth": 0.02})
    feed(joiner, "i1000 d1300")
    assert joiner.why_waiting() == "the newest depth is +0.300 s from the newest image, 0.020 s are allowed"


@pytest.mark.parametrize("keep, count", [(10, 90), (3, 0)])
def test_a_detector_that_takes_long_needs_images_kept(keep, count):
    """It answers every image, 7 images later."""
    joiner = Joiner({"boxes": 0.0}, keep=keep)
    words = " ".join("i%d b%d" % (t, t - 7) for t in range(97))
    assert len(feed(joiner, words)) == count


def test_against_keeping_all():
    """Random jitter, delays and losses: each set is within the slop, images only go forwards, all is accounted for."""
    rng = np.random.RandomState(0)
    for _ in range(20):
        events = [(t + rng.uniform(0, 0.2), "image", t) for t in np.arange(0, 5, 0.033)]
        events += [(t + rng.uniform(0, 0.2), "depth", t + rng.uniform(-0.01, 0.01)) for t in np.arange(0, 5, 0.033)]
        joiner, out, sent = Joiner({"depth": 0.016}, keep=8), [], {"image": 0, "depth": 0}
        for _came, name, stamp_s in sorted(e for e in events if rng.uniform() > 0.2):
            sent[name] += 1
            joined = joiner.add(name, int(stamp_s * 1e9), (name, stamp_s))
            assert max(joiner.pending.values()) <= 8
            if joined:
                out.append((joined["image"][1], joined["depth"][1]))
        assert len(out) > 20 and max(abs(a - b) for a, b in out) <= 0.016
        assert len(set(out)) == len(out)
        for name in sent:
            assert sent[name] == len(out) + joiner.dropped[name] + joiner.pending[name]


@pytest.mark.parametrize(
    "given, words",
    [
        (dict(partners={"depth": -0.1}), "got .*-0.1"),
        (dict(partners={"depth": float("nan")}), "got .*nan"),
        (dict(partners={"depth": float("inf")}), "got .*inf"),
        (dict(partners={"image": 0.0}), "beside image"),
        (dict(keep=0), "keep >= 1, got .* and 0"),
    ],
)
def test_bad_settings(given, words):
    with pytest.raises(ConfigError, match=words):
        Joiner(**given)
