import time

from pose_estimation_ros.inference import stopwatch


def test_laps_add_up_by_stage_until_restart(monkeypatch):
    clock = iter([0.0, 1.0, 3.0, 6.0, 10.0, 100.0])
    monkeypatch.setattr(stopwatch.time, "perf_counter", lambda: next(clock))
    watch = stopwatch.Stopwatch()
    laps = [("preprocess", "detect"), ("inference", "detect"), ("preprocess", "warp"), ("postprocess", "track")]
    for stage, part in laps:
        watch.lap(stage, part)
    assert watch.timing == (4000.0, 2000.0, 4000.0)
    assert list(watch.parts_ms.items()) == [
        ("detect", 3e3),
        ("warp", 3e3),
        ("network", 0),
        ("decode", 0),
        ("track", 4e3),
    ]
    watch.restart()
    assert not any(watch.parts_ms.values())
    assert watch.timing == (0.0, 0.0, 0.0)


def test_real_time_is_counted_in_milliseconds():
    watch = stopwatch.Stopwatch()
    start_s = time.perf_counter()
    time.sleep(0.01)
    watch.lap("inference", "network")
    assert 10 <= watch.timing.inference_ms <= 1e3 * (time.perf_counter() - start_s) + 1
