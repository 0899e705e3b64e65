"""Check the figures of benchmarks/tracking/smoothing.py with filters whose figures are known."""

import numpy as np
import pytest

from benchmarks.tracking import smoothing
from benchmarks.tracking.smoothing import TRUNK, WALK_MPS, WALKERS, Unsmoothed, lag_ms, play, rest, settles_s, take
from benchmarks.tracking.walkers import JOINTS

RATE_HZ = 10


class Late:
    """Give the last poses again."""

    def __init__(self):
        self._last = None

    def update(self, poses, _stamp_s):
        last, self._last = self._last or poses, poses
        return poses.replace(xy=last.xy)


class Still:
    """Give the first poses again."""

    first = None

    def update(self, poses, _stamp_s):
        self.first = self.first or poses
        return poses.replace(xy=self.first.xy)


@pytest.fixture(scope="module")
def takes():
    return {name: take(WALKERS[name], RATE_HZ, 2) for name in ("walk", "rest")}


@pytest.mark.parametrize("make, expected", [(Unsmoothed, 0), (Late, 1e3 / RATE_HZ)])
def test_the_lag_of_a_known_delay(takes, make, expected):
    """The model's own noise and gaps change it by a few milliseconds."""
    assert lag_ms(play(make(), takes["walk"]), TRUNK, WALK_MPS) == pytest.approx(expected, abs=20)


def test_what_never_moves_has_no_jitter(takes):
    assert np.allclose(rest(play(Still(), takes["rest"])), 0, atol=1e-3)
    assert rest(play(Unsmoothed(), takes["rest"]))[0] > 3


@pytest.mark.parametrize("make, expected", [(Unsmoothed, 0.0), (Late, 1 / RATE_HZ)])
def test_a_jump_settles_when_it_is_followed(make, expected):
    assert settles_s(make, RATE_HZ) == pytest.approx(expected)


def test_the_hand_waves_at_up_to_three_metres_a_second():
    wrist = np.array([WALKERS["wave"].joints(t)[JOINTS.index("right_wrist")] for t in np.arange(1, 4, 0.01)])
    speed = np.linalg.norm(np.diff(wrist, axis=0), axis=1) / 0.01
    assert speed.max() == pytest.approx(3.0, rel=0.02)


@pytest.mark.parametrize("name", smoothing.FILTERS)
def test_each_filter_keeps_people_where_they_are(takes, name):
    run = play(smoothing.FILTERS[name](), takes["rest"])
    assert np.isfinite(run.xy).all() and np.isfinite(run.velocity).all()
    assert np.median(np.linalg.norm(run.xy - run.take.truth[:, None], axis=-1)[run.found]) < 15
