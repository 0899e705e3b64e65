import re


def test_a_video_in_place_of_the_camera(run_example, clip):
    """Every frame has its line, on a screen or without one."""
    lines = run_example("webcam.py", clip).splitlines()
    assert len(lines) == 8 and all(
        re.match(r"\d+ people, hand raised by (nobody|\[[\d, ]+\])$", line) for line in lines
    )
    assert int(lines[-1].split()[0]) >= 2


def test_a_camera_that_is_not_there(run_example):
    assert "DataError" in run_example("webcam.py", "97", status=1).splitlines()[-1]
