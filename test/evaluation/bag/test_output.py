import numpy as np
import pytest

from pose_estimation_ros.evaluation.bag.output import Movie, rate
from pose_estimation_ros.inference.video import open_source


@pytest.mark.parametrize(
    "stamps_ns, fps",
    [([5], 30), ([5, 5], 30), ([9, 5], 30), ([0, 10**8, 2 * 10**8], 10), ([0, 10**5], 120), ([0, 10**10], 1)],
)
def test_rate(stamps_ns, fps):
    assert rate(stamps_ns) == fps


@pytest.mark.parametrize("count", [0, 1, 9, 10, 11, 25])
def test_a_movie_of_any_length(tmp_path, count):
    movie = Movie(tmp_path / "a.mp4")
    for i in range(count):
        movie.write(i * 50_000_000, np.full((48, 64, 3), 8 * i, np.uint8))
    movie.close()
    assert (tmp_path / "a.mp4").exists() == (count > 0)
    if count:
        with open_source(str(tmp_path / "a.mp4")) as video:
            values = [int(round(frame.image.mean())) for frame in video]
        np.testing.assert_allclose(values, 8 * np.arange(count), atol=4)


def test_frames_of_other_sizes_get_the_firsts(tmp_path):
    movie = Movie(tmp_path / "a.mp4")
    for height in (48, 96, 32):
        movie.write(height, np.full((height, 64, 3), 100, np.uint8))
    movie.close()
    with open_source(str(tmp_path / "a.mp4")) as video:
        assert [frame.image.shape for frame in video] == [(48, 64, 3)] * 3
