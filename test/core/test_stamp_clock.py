import pytest

from pose_estimation_ros.core.stamp_clock import STUCK_STEP_S, StampClock


@pytest.mark.parametrize(
    "stamps, steps",
    [
        ([5.0], [None]),
        ([0.0, 0.5, 1.5], [None, 0.5, 1.0]),
        ([0.0, 0.0, 0.0], [None, STUCK_STEP_S, STUCK_STEP_S]),  # a driver that never sets the stamp
        ([7.0, 7.5, 7.4, 7.6], [None, 0.5, STUCK_STEP_S, pytest.approx(0.1)]),  # one late frame
        ([7.0, 7.0 + 1e-9], [None, STUCK_STEP_S]),
        ([100.0, 99.5, 50.0, 50.5], [None, STUCK_STEP_S, None, 0.5]),  # a bag starts again
        ([0.0, 3600.0], [None, 3600.0]),
        ([0.0, 1.7e9, 1.7e9 + 0.5], [None, None, 0.5]),  # the driver sets no stamp until its clock is known
        ([0.0, 1e300, -1.7e308, 1.7e308, 0.0], [None] * 5),
        ([float("nan"), 1.0, float("nan"), 1.5], [None, None, STUCK_STEP_S, 0.5]),  # no time at all
        ([1.0, float("inf"), float("-inf"), 1.5], [None, STUCK_STEP_S, STUCK_STEP_S, 0.5]),
    ],
)
def test_steps(stamps, steps):
    clock = StampClock()
    assert [clock.advance(stamp) for stamp in stamps] == steps


def test_slow_drift_backwards_is_noticed_in_the_end():
    clock = StampClock()
    clock.advance(10.0)
    steps = [clock.advance(10.0 - 0.1 * i) for i in range(1, 13)]
    assert steps.index(None) == 10  # the first one more than a second back


@pytest.mark.parametrize(
    "stamps, interval_s",
    [
        ([], 0.0),
        ([5.0], 0.0),
        ([0.0, 5.0], 5.0),  # a rate of 0.2 Hz is known from the second frame on
        ([0.0, 0.1, 0.2, 10.2, 10.3], 0.1),  # a gap
        ([i / 30 for i in range(30)] + [1.0 + 0.5 * i for i in range(6)], 0.5),  # slower from the fifth frame on
        ([0.0, 0.5, 1.0, -9.0], 0.0),  # a bag starts again
        ([0.0, 1.7e9], 0.0),
    ],
)
def test_the_usual_time_between_frames(stamps, interval_s):
    clock = StampClock()
    for stamp_s in stamps:
        clock.advance(stamp_s)
    assert clock.interval_s == pytest.approx(interval_s)
