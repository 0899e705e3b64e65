import math
import sys

import numpy as np
import pytest

from pose_estimation_ros.nodes.camera.statistics import RECORDS, CameraStatistics, People, Sequences


def run(times_s, every=1, publisher=b"", first=1, **keywords):
    """Return statistics of images that came at these times, each the every-th image of its camera."""
    statistics = CameraStatistics(0.0, **keywords)
    for index, now_s in enumerate(times_s):
        statistics.received(now_s, first + index * every, publisher)
    return statistics


def test_nothing_yet():
    summary = CameraStatistics(5.0).summary(5.0)
    for name in ("rate_in_hz", "rate_received_hz", "skipped", "age_p50_ms", "age_p99_ms", "people", "last_image_age_s"):
        assert math.isnan(getattr(summary, name)), name
    assert (summary.received_total, summary.published_total, summary.ahead) == (0, 0, 0)
    for name in ("people_tentative", "people_confirmed", "people_lost", "interval_s", "step_share"):
        assert math.isnan(getattr(summary, name)), name
    assert summary.unconfirmed_s == 0
    assert (summary.stages_ms, summary.bad_frames, summary.dropped, summary.bad_total) == ({}, {}, {}, {})


def test_silence_is_no_rate_and_an_unknown_one_of_the_camera():
    summary = CameraStatistics(0.0).summary(7.0)
    assert (summary.rate_received_hz, summary.rate_out_hz) == (0, 0)
    assert math.isnan(summary.rate_in_hz) and math.isnan(summary.skipped)


def test_rates_of_a_camera_of_which_every_third_image_is_taken():
    """The camera publishes 30 Hz and 10 Hz come, so 20 of 30 are skipped."""
    summary = run(np.arange(1, 301) * 0.1, every=3).summary(30.0)
    assert summary.rate_received_hz == pytest.approx(10, rel=0.02)
    assert summary.rate_in_hz == pytest.approx(30, rel=0.02)
    assert summary.skipped == pytest.approx(200, abs=4)
    assert summary.received_total == 300 and summary.last_image_age_s == pytest.approx(0)


def test_before_the_window_is_full_rates_are_of_what_there_is():
    assert run([0.5, 1.0, 1.5, 2.0], window_s=10.0).summary(2.0).rate_received_hz == 2


def test_what_is_older_than_the_window_counts_no_more():
    statistics = run([0.0, 1.0, 2.0], every=5, window_s=10.0)
    statistics.published(2.0, 30.0, {}, People(4))
    statistics.bad_frame(2.0, "step")
    assert statistics.summary(11.5).rate_received_hz == 0.1
    later = statistics.summary(20.0)
    assert (later.rate_received_hz, later.rate_out_hz, later.bad_frames) == (0, 0, {})
    assert math.isnan(later.age_p50_ms) and math.isnan(later.people) and math.isnan(later.skipped)
    assert (later.received_total, later.published_total, later.bad_total) == (3, 1, {"step": 1})
    assert later.last_image_age_s == 18


def test_unknown_numbers_are_not_guessed():
    statistics = CameraStatistics(0.0)
    for now_s in (1.0, 2.0, 3.0):
        statistics.received(now_s)
    summary = statistics.summary(4.0)
    assert summary.rate_received_hz == 0.75
    assert math.isnan(summary.rate_in_hz) and math.isnan(summary.skipped)


def results(*people, interval_s=1.0):
    """Return the summary of results that came at this interval."""
    statistics = CameraStatistics(0.0)
    for index, one in enumerate(people):
        statistics.published(index * interval_s, 30.0, {}, one)
    return statistics.summary((len(people) - 1) * interval_s)


def test_the_newest_result_tells_of_people_and_the_median_of_their_steps():
    steps = (0.0, 0.2, 0.9, 0.3, 0.0)  # 0: unknown
    summary = results(*(People(5, 1, 2, 3, 0.04, step) for step in steps), People(3, 0, 1, 2, 0.05, 0.0))
    assert (summary.people, summary.people_tentative, summary.people_confirmed, summary.people_lost) == (3, 0, 1, 2)
    assert (summary.interval_s, summary.step_share) == (0.05, 0.3)
    assert math.isnan(results(People(0)).interval_s) and math.isnan(results(People(0)).step_share)


NOBODY, TENTATIVE, CONFIRMED = People(0), People(1, tentative=1), People(2, tentative=1, confirmed=1)


@pytest.mark.parametrize(
    "people, expected_s",
    [
        ([NOBODY] * 5, 0),
        ([TENTATIVE], 0),
        ([TENTATIVE] * 5, 4),
        ([NOBODY, TENTATIVE, TENTATIVE, NOBODY, TENTATIVE], 3),
        ([NOBODY, TENTATIVE, NOBODY, TENTATIVE], 0),  # flicker in half of the results only
        ([TENTATIVE] * 4 + [CONFIRMED], 0),
        ([People(1)] * 5, 0),  # without tracking
    ],
)
def test_how_long_nobody_was_confirmed(people, expected_s):
    assert results(*people).unconfirmed_s == expected_s


@pytest.mark.parametrize(
    "numbers, expected",
    [
        ([], []),
        ([(1, b"a")], [1]),
        ([(900, b"a")], [1]),  # it has been running before us
        ([(1, b"a"), (2, b"a"), (5, b"a")], [1, 1, 3]),
        ([(1, b"a"), (900, b"b"), (3, b"a"), (901, b"b")], [1, 1, 2, 1]),
        ([(50, b"a"), (1, b"a"), (3, b"a")], [1, 1, 2]),  # started again
        ([(50, b"a"), (10**9, b"a"), (10**9 + 2, b"a")], [1, 1, 2]),  # no camera is that fast
        ([(1, b""), (3, b"")], [1, 2]),
        ([(50, b""), (1, b""), (2, b""), (3, b"")], [1, None, None, None]),  # again, or another: not known
        ([(5, b""), (1000, b""), (6, b""), (1001, b"")], [1, None, None, None]),
        ([(None, b"a"), (None, b"")], [None, None]),
    ],
)
def test_steps_of_numbers_30_times_a_second(numbers, expected):
    sequences = Sequences(10.0)
    assert [sequences.step(index / 30, *number) for index, number in enumerate(numbers)] == expected


def test_a_camera_started_again_is_known_again_after_a_window():
    sequences = Sequences(10.0)
    assert [sequences.step(now_s, n) for now_s, n in ((0, 50), (1, 1), (5, 90), (10.9, 100), (11, 103))] == [
        1, None, None, None, 3
    ]  # fmt: skip


def test_cameras_that_come_and_go_take_no_memory():
    sequences = Sequences(10.0)
    for number in range(1000):
        assert sequences.step(number, 7, b"%d" % number) == 1
    assert len(sequences.newest) <= 16


def test_two_cameras_on_one_topic():
    statistics = CameraStatistics(0.0)
    for index in range(300):
        statistics.received(index / 30, 100 + 2 * index, b"left")
        statistics.received(index / 30, 5 + index, b"right")
    summary = statistics.summary(10.0)
    assert summary.rate_in_hz == pytest.approx(90, rel=0.01)
    assert summary.skipped == 299


def test_ages_and_stages():
    statistics, random = CameraStatistics(0.0), np.random.RandomState(0)
    ages_ms, times_ms = random.uniform(10, 90, 200), random.uniform(0, 5, 200)
    for index, (age_ms, time_ms) in enumerate(zip(ages_ms, times_ms)):
        detect_ms = 20.0 if index % 5 == 0 else 0.0
        statistics.published(index / 30, age_ms, {"detect": detect_ms, "network": time_ms}, People(index % 7))
    summary = statistics.summary(200 / 30)
    assert summary.age_p50_ms == pytest.approx(np.median(ages_ms))
    assert summary.age_p99_ms == pytest.approx(np.percentile(ages_ms, 99))
    assert summary.stages_ms["detect"] == (0, 4)
    assert summary.stages_ms["network"] == pytest.approx((np.median(times_ms), times_ms.mean()))
    assert list(summary.stages_ms) == ["detect", "network"]
    assert (summary.people, summary.published_total, summary.ahead) == (199 % 7, 200, 0)
    assert summary.rate_out_hz == pytest.approx(30)


@pytest.mark.parametrize(
    "ages_ms, p50_ms, ahead",
    [
        ([math.nan], math.nan, 0),
        ([math.nan, 40.0], 40, 0),
        ([-5.0, -7.0, 1.0], -5, 2),
        ([math.inf, -1e9, 3.0, 4.0], 3, 1),
    ],
)
def test_stamps_that_are_missing_or_ahead(ages_ms, p50_ms, ahead):
    statistics = CameraStatistics(0.0)
    for age_ms in ages_ms:
        statistics.published(1.0, age_ms, {}, People(0))
    summary = statistics.summary(2.0)
    assert summary.age_p50_ms == pytest.approx(p50_ms, nan_ok=True)
    assert summary.ahead == ahead and summary.published_total == len(ages_ms)


def test_stages_that_come_later_are_counted_where_they_are():
    statistics = CameraStatistics(0.0)
    for stages_ms in ({"warp": 1.0}, {"warp": 3.0, "draw": 8.0}):
        statistics.published(1.0, 0.0, stages_ms, People(0))
    assert statistics.summary(2.0).stages_ms == {"warp": (2, 2), "draw": (8, 8)}


def test_drops_by_kind():
    statistics = CameraStatistics(0.0)
    for now_s, kind in ((1.0, "step"), (2.0, "encoding"), (12.0, "step")):
        statistics.bad_frame(now_s, kind)
    statistics.dropped(12.5, "too_old")
    summary = statistics.summary(13.0)
    assert summary.bad_frames == {"step": 1} and summary.bad_total == {"step": 2, "encoding": 1}
    assert summary.dropped == summary.dropped_total == {"too_old": 1}


def test_a_flood_is_measured_in_bounded_memory():
    """5000 images a second for 10 s; the window becomes what the records reach back to."""
    statistics = run(np.arange(50000) / 5000, every=1)
    summary = statistics.summary(10.0)
    assert summary.rate_received_hz == pytest.approx(5000, rel=0.01)
    assert summary.rate_in_hz == pytest.approx(5000, rel=0.01)
    assert summary.received_total == 50000
    assert len(statistics._records["received"]) <= RECORDS
    assert sys.getsizeof(statistics._records["received"]) < 100_000
