import re

import cv2
import numpy as np


def test_people_are_found_printed_and_drawn(run_example, picture, tmp_path):
    lines = run_example("image.py", picture, "out.png").splitlines()
    people = int(re.match(r"Poses\((\d+) people, 17 keypoints coco17: ", lines[0]).group(1))
    assert people >= 2 and len(lines) == 1 + 2 * people
    assert all(re.match(r"(left|right)_wrist at x -?\d+, y -?\d+ px, score \d\.\d\d$", line) for line in lines[1:])
    before, after = cv2.imread(picture), cv2.imread(str(tmp_path / "out.png"))
    assert before.shape == after.shape and 0.001 < np.mean((before != after).any(2)) < 0.5


def test_an_image_that_is_not_there(run_example):
    """The last line of the error says what to do."""
    error = run_example("image.py", "none.jpg", "out.png", status=1)
    assert "cv2.imread returns that for a file it cannot read" in error.splitlines()[-1]


def test_without_arguments_it_says_how_to_run_it(run_example):
    assert "python examples/image.py in.jpg out.jpg" in run_example("image.py", status=1)
