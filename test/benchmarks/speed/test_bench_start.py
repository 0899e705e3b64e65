"""Check how the guard of the start judges times; it is not run here."""

import numpy as np
import pytest

from benchmarks.speed.bench_start import report


@pytest.mark.parametrize("times, limit, code, ratio", [
    ([[300, 100]], 3.0, 0, "3.00"),  # the limit itself is accepted
    ([[301, 100]], 3.0, 1, "3.01"),
    ([[200, 100], [600, 300], [900, 100]], 3.0, 0, "2.00"),  # the median of the rounds' ratios
    ([[200, 100], [900, 300], [900, 100]], 2.9, 1, "3.00"),
])  # fmt: skip
def test_the_median_ratio_decides(capsys, times, limit, code, ratio):
    assert report(np.array(times, float), limit) == code
    said = capsys.readouterr()
    assert "ratio " + ratio in said.out
    assert bool(said.err) == bool(code)
